"""Every command that a stopped run prints is pasted into a shell, and continues the run."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.processes import HFDL, finish, log_of, start, train_command, wait_for_updates

from hfdl.cli import errors
from hfdl.cli.continuing import command_line, continue_run
from hfdl.errors import OutputError, shell_path, shell_word
from hfdl.training.events import Interrupted

NAMES = [
    "plain", "a b", "a  b", " a", "a ", "new\nline", "tab\tin", "esc\x1b[31m", "rtl\u202elet",
    "mark\u200f", "nbsp\u00a0x", "'quoted'", '"double"', "back\\slash", "$HOME", "`id`", "!!",
    "a;b", "*", "[x]", "{a,b}", "#x", "a&b", "über", "日本", "-dash", "--output", "-", "~", "~root",
    "~/x",
    "a=b", "sentiment", "x.yaml", "%s", "\x7f", "\x01", "é́", "\U0001f600", "a\\nb", "\\'", "bell\a",
    "cr\rx", "line\u2028sep",
]  # fmt: skip


def pasted(line: str, cwd: Path) -> list[str]:
    """The words that bash makes of a line, a stand-in for hfdl being called."""
    stand_in = cwd / "bin"
    stand_in.mkdir(exist_ok=True)
    code = "import json, os, sys; print(json.dumps([os.fsencode(a).hex() for a in sys.argv[1:]]))"
    (stand_in / "hfdl").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}' \"$@\"\n")
    (stand_in / "hfdl").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd=cwd, check=True,
        env={**os.environ, "PATH": f"{stand_in}:{os.environ['PATH']}", "HOME": "/nowhere"},
    )  # fmt: skip
    import json

    return [os.fsdecode(bytes.fromhex(word)) for word in json.loads(done.stdout)]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_survives_printing_and_pasting(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    errors.report(Interrupted(15, 7, name, processes=2))
    stderr = capsys.readouterr().err
    assert stderr.count("\n") == 1
    assert stderr.isprintable() or stderr[:-1].isprintable()
    line = stderr.partition("Continue with: ")[2].rstrip("\n")
    command, recipe, option, output, *rest = pasted(line, tmp_path)
    assert (command, option, rest) == ("train", "--output", ["--resume", "--processes", "2"])
    assert recipe == output
    assert not output.startswith(("-", "~"))
    assert Path(output).absolute() == Path(name).absolute()
    assert Path(output).expanduser().absolute() == Path(name).absolute()


def test_forty_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == 44


def test_a_name_that_is_no_utf8_survives(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xffb")
    assert pasted(f"hfdl {shell_word(name)}", tmp_path) == [name]


def test_a_command_survives_an_errors_single_line(tmp_path: Path) -> None:
    words = ["hfdl", "train", "a  b", "data.text=a\tb", "data.separator=\n\n"]
    line = command_line(words, Path("-x"), "--resume")
    error = OutputError("no", remedy=f"continue with: {line}")
    shown = str(error).partition("Continue with: ")[2]
    assert pasted(shown, tmp_path) == [*words[1:], "--output", "./-x", "--resume"]


def test_what_needs_no_quotes_gets_none() -> None:
    assert continue_run(Path("runs/a-1")) == "hfdl train runs/a-1 --output runs/a-1 --resume"
    assert shell_path("a b") == "'a b'"


# ---- The real thing ------------------------------------------------------------------------------


def printed_command(stderr: str) -> list[str]:
    """The command of stderr's last line as bash reads it, to be run by this Python."""
    (line,) = re.findall(r"Continue with: (hfdl .*)", stderr)
    return ["bash", "-c", re.sub(r"^hfdl", shlex.join(HFDL), line)]


def stopped(command: list[str], run: Path, cwd: Path) -> str:
    """Stderr of a run that was sent a SIGTERM after some updates."""
    process = start(command, cwd=cwd)
    wait_for_updates(run, 4, process)
    process.send_signal(signal.SIGTERM)
    code, stderr = finish(process)
    assert code == 143, stderr
    return stderr


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("-odd \t~ name\x1b", []),
        pytest.param("~two", ["--processes", "2"], marks=pytest.mark.slow),
    ],
    ids=["odd name", "two processes"],
)
def test_the_line_of_a_stopped_run_continues_it(
    name: str, flags: list[str], settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.epochs": 40}
    run = tmp_path / name
    stderr = stopped(train_command(settings, f"--output={name}", *flags), run, tmp_path)
    code, stderr = finish(start(printed_command(stderr), cwd=tmp_path))
    assert code == 0, stderr
    assert len(log_of(run, "resume")) == 1
    assert (run / "model.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--processes", "2"]], ids=["one", "two"])
def test_the_line_of_stopped_seeds_continues_all_of_them(
    flags: list[str], settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"train.epochs": 40, "train.seed": 3}
    command = train_command(settings, "--seeds", "2", "--output", "my seeds", *flags)
    group = tmp_path / "my seeds"
    stderr = stopped(command, group / "seed-3", tmp_path)
    code, stderr = finish(start(printed_command(stderr), cwd=tmp_path))
    assert code == 0, stderr
    assert (group / "seeds.json").is_file()
    assert log_of(group / "seed-3", "resume")


@pytest.mark.slow
def test_the_line_of_a_stopped_comparison_continues_it(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    keys = [f"data.train={settings['data.train']}", "train.epochs=400"]
    command = [*HFDL, "compare", "sentiment", *keys, "--eras", "bag-of-words", "--output", "c d"]
    run = tmp_path / "c d" / "bag-of-words" / "seed-0"
    stderr = stopped(command, run, tmp_path)
    code, stderr = finish(start(printed_command(stderr), cwd=tmp_path))
    assert code == 0, stderr
    assert (tmp_path / "c d" / "table.json").is_file()
