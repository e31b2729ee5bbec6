"""How cost grows: each program runs at toy sizes, and its table says what ought to be flat."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.scale import command
from benchmarks.scale.command import NAMES, table
from benchmarks.scale.examples import write_rows
from benchmarks.scale.streaming import write_text


@pytest.mark.parametrize(
    ("name", "size"), [("examples", 300), ("streaming", 3e5), ("lengths", 16), ("prediction", 40)]
)
def test_a_size(name: str, size: float, tmp_path: Path) -> None:
    module = importlib.import_module(f"benchmarks.scale.{name}")
    found = module.measure(size, tmp_path)
    assert set(found) == set(module.FLAT)
    assert all(math.isfinite(value) for value in found.values())


def test_the_table_is_relative_to_the_first_size() -> None:
    rows = [{"size": s, "cost": c} for s, c in ((10, 1.0), (10, 3.0), (10, 2.0), (1e6, 5.0))]
    assert table(rows, ["cost"])[2:] == ["| 10 | 2 (1.00x) |", "| 1e+06 | 5 (2.50x) |"]


def test_sizes_go_up_and_down_each_in_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def run(arguments: list[str], **_: object) -> object:
        words = arguments[arguments.index("scale") :]
        asked.append(float(words[words.index("--one") + 1]))
        folder = Path(words[words.index("--folder") + 1])
        figures = dict.fromkeys(importlib.import_module("benchmarks.scale.lengths").FLAT, 2.0)
        (folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
        return type("Done", (), {"returncode": 0})()

    monkeypatch.setattr(command.subprocess, "run", run)
    words = ["scale", "lengths", "--sizes", "1", "2", "--repeats", "2", "--output", str(tmp_path)]
    assert main(words) == 0
    assert asked == [1, 2, 2, 1]
    assert len(json.loads((tmp_path / "lengths.json").read_text(encoding="utf-8"))["rows"]) == 4
    assert "| 2 | 2 (1.00x) |" in capsys.readouterr().out
    assert len(NAMES) == 4


def test_made_up_data_have_the_size_that_was_asked_for(tmp_path: Path) -> None:
    words = write_rows(tmp_path / "a.tsv", 50)
    lines = (tmp_path / "a.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 51
    assert sum(len(line.split("\t")[0].split()) for line in lines[1:]) == words
    assert {line.split("\t")[1] for line in lines[1:]} == {"yes", "no"}
    written = write_text(tmp_path / "b.txt", 2e6)
    assert written == (tmp_path / "b.txt").stat().st_size >= 2e6
