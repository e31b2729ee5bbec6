"""Files in other encodings, given to commands without keys: the remedy is theirs, and works."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.errors import DataError

COMMANDS = ["predict", "embed"]
TEXTS = ["Das Wetter wär’s – schön für 5 €", "übermäßig schön"]


def test_every_command_that_reads_a_file_is_here() -> None:
    found = [
        command.callback.__name__ for command in app.registered_commands if command.callback
        if "--encoding" in CliRunner().invoke(app, [command.callback.__name__, "--help"]).output
    ]  # fmt: skip
    assert sorted(found) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_the_remedy_is_an_option_and_works(
    command: str, name: str, trained: Path, tmp_path: Path
) -> None:
    lines = {".jsonl": [json.dumps({"text": t}, ensure_ascii=False) for t in TEXTS]}
    lines[".csv"] = ["text", *TEXTS]
    path = tmp_path / name
    path.write_bytes("\n".join(lines.get(path.suffix, TEXTS)).encode("cp1252"))
    call = [command, str(trained), "--file", str(path)]
    refused = CliRunner().invoke(app, call)
    assert isinstance(refused.exception, DataError)
    assert "data.encoding" not in str(refused.exception)
    option = shlex.split(str(refused.exception.remedy).split("give ")[1])
    assert option == ["--encoding", "cp1252"]
    done = CliRunner().invoke(app, [*call, *option])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row.get("text", text) for row, text in zip(rows, TEXTS, strict=True)] == TEXTS


def test_the_run_own_encoding_gives_way(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for file in trained.iterdir():
        (run / file.name).symlink_to(file)
    recipe = (trained / "recipe.yaml").read_text(encoding="utf-8")
    (run / "recipe.yaml").unlink()
    own = recipe.replace("  encoding: null\n", "  encoding: ascii\n")
    assert own != recipe
    (run / "recipe.yaml").write_text(own, encoding="utf-8")
    path = tmp_path / "a.txt"
    path.write_text("schön", encoding="utf-8")
    call = ["predict", str(run), "--file", str(path)]
    refused = CliRunner().invoke(app, call)
    assert isinstance(refused.exception, DataError)
    assert refused.exception.remedy == "it is UTF-8: give --encoding utf-8"
    assert CliRunner().invoke(app, [*call, "--encoding", "utf-8"]).exit_code == 0


def test_an_unknown_encoding_is_named(trained: Path) -> None:
    done = CliRunner().invoke(app, ["predict", str(trained), "a", "--encoding", "utf-9"])
    assert done.exit_code == 2
    assert "no encoding is called 'utf-9'" in done.output


def test_a_pipe_that_ends_in_the_middle_of_a_character(trained: Path) -> None:
    sent = "schön\nfür 5 €".encode()[:-1]
    refused = CliRunner().invoke(app, ["predict", str(trained)], input=sent)
    assert "stdin, line 2: the text ends in the middle of a character" in str(refused.exception)
    assert "iconv" not in str(refused.exception)
