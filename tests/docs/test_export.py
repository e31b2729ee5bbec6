"""The commands of docs/export.md are run, on a tiny run in the places that it names."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers.support import reviews, write_csv
from typer.testing import CliRunner

from hfdl.cli.app import app

for package in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(package, reason="the extra onnx is not installed")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_command_works(
    trained: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "runs" / "sentiment")
    write_csv(tmp_path / "mine.csv", reviews(12))
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) == 15
    until_stopped = [line for line in commands if line.split()[1] in ("serve", "demo")]
    assert len(until_stopped) == 2  # tests/serving and tests/demo give them --precision int8
    for command in commands:
        if command in until_stopped:
            continue
        words = [str(tiny_bert) if word == MINILM else word for word in shlex.split(command)]
        assert words.pop(0) == "hfdl"
        if words[:2] == ["export", str(tiny_bert)]:  # it has no files of sentence-transformers
            words += ["--task", "feature-extraction"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (command, result.exception)
    for name in ("sentiment-onnx", "small", "encoder", "body"):
        assert (tmp_path / "runs" / name / "model.onnx").is_file(), name
