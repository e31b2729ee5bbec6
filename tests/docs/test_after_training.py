"""The commands of docs/after-training.md are run, on tiny runs in the places that it names."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from helpers.support import reviews, write_csv
from typer.testing import CliRunner

from hfdl.cli.app import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "after-training.md"


def test_every_command_works(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{**row, "source": "web" if i % 3 else "print"} for i, row in enumerate(reviews(60))]
    for row in rows[::5]:
        row["label"] = "negative" if row["label"] == "positive" else "positive"
    write_csv(tmp_path / "mine.csv", rows)
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    text = (run / "recipe.yaml").read_text(encoding="utf-8")
    # Labels that are all learned would have no best temperature.
    text = re.sub(r"(?m)^( *)(validation|test): .*$", r"\1\2: mine.csv", text)
    (run / "recipe.yaml").write_text(text, encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) == 12
    for command in commands:
        words = shlex.split(command)
        assert words.pop(0) == "hfdl"
        if words[0] == "train":  # tests/docs/test_commands.py trains
            made = tmp_path / words[words.index("--output") + 1]
            shutil.copytree(run, made)
            run = made  # the other run is one of the first's, measured on the same file
            continue
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (command, result.exception)
    for file in ("diff.html", "flips.csv", "runs/calibrated/calibration.json"):
        assert (tmp_path / file).is_file(), file
