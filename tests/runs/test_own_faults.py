"""Own code that fails or exits in the middle of a run: whose fault it is, and how to go on."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import hfdl
from hfdl.cli import errors as command_line
from hfdl.errors import OwnCodeError

pytestmark = pytest.mark.usefixtures("without_report")

STEPS = 6
FAULTS = {
    "raise": "raise RuntimeError('mine')",
    "exit": "sys.exit(0)",
    "exit with words": "raise SystemExit('enough')",
    "quit": "raise SystemExit",
}
# What a part does at its fourth call, given what it would do otherwise.
PARTS: dict[str, tuple[str, str]] = {
    "train.callbacks": (
        "[{}:mine]",
        "def mine(event):\n    if event.kind == 'update' and event.step == 4:\n        fail()\n"),
    "train.metrics": (
        "[{}:mine]",
        "def mine(predictions, references):\n    count(5)\n    return 1.0\n"),
    "model.attention": (
        "{}:mine",
        "def mine(q, k, v, mask=None, scale=1.0, dropout=0.0):\n    if torch.is_grad_enabled() and "
        "len(q) == 8:\n        count(8)\n    scores = q @ k.transpose(-2, -1) * scale\n"
        "    if mask is not None:\n        scores = scores.masked_fill(~mask, -1e9)\n"
        "    return scores.softmax(-1) @ v\n"),
}  # fmt: skip
HEAD = "import sys\n\nimport torch\n\ncalls = []\n\n\ndef fail():\n    {}\n\n\n"
COUNT = "def count(n):\n    calls.append(1)\n    if len(calls) > n:\n        fail()\n\n\n"


def write(folder: Path, key: str, fault: str) -> tuple[Path, str]:
    """The user's file, and the override that names it."""
    file = folder / "mine.py"
    value, code = PARTS[key]
    file.write_text(HEAD.format(FAULTS[fault]) + COUNT + code)
    return file, f"{key}={value.format(file)}"


def words(settings: dict[str, Any], folder: Path, *more: str) -> list[str]:
    given = {**settings, "train.steps": STEPS, "train.save_every": 1, "train.evaluate_every": 1}
    overrides = [f"{key}={value}" for key, value in given.items() if key != "train.epochs"]
    return ["train", "sentiment", *overrides, *more, "--output", str(folder)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("key", PARTS)
def test_it_is_an_error_that_says_how_to_go_on(
    key: str, fault: str, settings: dict[str, Any], tmp_path: Path, capfd: Any
) -> None:
    file, override = write(tmp_path, key, fault)
    run = tmp_path / "run"
    assert command_line.run(words(settings, run, override)) == 2
    said = capfd.readouterr().err
    line = said.strip().splitlines()[-1]
    assert line.startswith(f"error: {file}, line 9: "), said
    assert ("RuntimeError: mine" if fault == "raise" else "SystemExit(") in line
    step = max(int(path.name[5:]) for path in (run / "checkpoints").glob("step-*"))
    assert f"Update {step} is saved in {run}." in said
    command = said.partition("ontinue with: ")[2].splitlines()[0]
    assert command == f"hfdl train {run} --output {run} --resume"
    # A callback only listens: mended, it goes on. Of what gives figures the file must be the same.
    as_it_is = f"With {file} as it is" in said
    assert as_it_is == (key != "train.callbacks")
    if not as_it_is:
        file.write_text("def mine(event):\n    pass\n")
        assert command_line.run(shlex.split(command)[1:]) == 0
        assert json.loads((run / "metrics.json").read_text())["runtime"]["steps"] == STEPS


def test_the_library_call(settings: dict[str, Any], tmp_path: Path) -> None:
    chosen = {**settings, "train.steps": 3, "train.save_every": 1}
    for fault, kind in (("raise", RuntimeError), ("exit", OwnCodeError)):
        file, _ = write(tmp_path, "train.callbacks", fault)
        file.write_text(file.read_text().replace("== 4", "== 2"))
        given = chosen | {"train.callbacks": [f"{file}:mine"]}
        with pytest.raises(kind) as caught:
            hfdl.train("sentiment", given, output=tmp_path / "run", listener=lambda e: None)
        notes = [*getattr(caught.value, "__notes__", []), str(caught.value)]
        assert any("Update 1 is saved in" in note for note in notes)
        shutil.rmtree(tmp_path / "run")


def test_before_a_checkpoint_there_is_nothing_to_go_on_from(
    settings: dict[str, Any], tmp_path: Path, capfd: Any
) -> None:
    _, override = write(tmp_path, "train.callbacks", "raise")
    rare = ["train.save_every=50", "train.evaluate_every=50"]
    late = words(settings, tmp_path / "run", override, *rare)
    assert command_line.run(late) == 2
    assert "ontinue with" not in capfd.readouterr().err


def test_an_exit_in_a_file_that_is_only_loaded(settings: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(0)\n")
    for key in ("train.callbacks", "train.metrics", "model.attention", "train.optimizer"):
        path = f"{tmp_path / 'mine.py'}:mine"
        value = [path] if key in ("train.callbacks", "train.metrics") else path
        with pytest.raises(OwnCodeError, match=r"mine\.py, line 2: SystemExit\(0\)"):
            hfdl.train("sentiment", {**settings, key: value}, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_listener_of_a_script_is_own_code_too(settings: dict[str, Any], tmp_path: Path) -> None:
    def leaves(event: Any) -> None:
        if event.kind == "update":
            raise SystemExit(3)

    with pytest.raises(OwnCodeError, match=r"test_own_faults\.py, line \d+: SystemExit\(3\)"):
        hfdl.train("sentiment", settings, output=tmp_path / "run", listener=leaves)
