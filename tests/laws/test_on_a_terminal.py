"""On a real terminal: a sign of life at once, and nothing wider than the terminal.

Seconds are bounded with slack, for the machine may be busy; that no heavy package is imported
before the first sign is held exactly.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.support import reviews, write_csv
from helpers.terminal import Shown, on_terminal

from hfdl.runs.texts import cells

FIRST = 3.0
"""Seconds; on an idle machine it is a quarter of one."""
HEAVY = ("torch", "transformers", "pandas", "numpy", "datasets", "pyarrow", "accelerate")
COMMANDS = {
    "train": ["train", "sentiment"],
    "evaluate": ["evaluate", "nowhere"],
    "predict": ["predict", "nowhere", "a text"],
    "data check": ["data", "check", "nowhere.csv"],
    "verify": ["verify", "nowhere/model"],
    "compare": ["compare", "sentiment", "--eras", "bag-of-words"],
    "attention": ["attention", "nowhere/model", "a text", "--output", "a.html"],
    "embed": ["embed", "nowhere/model", "a text"],
    "report": ["report", "nowhere"],
    "demo": ["demo", "nowhere/model"],
    "serve": ["serve", "nowhere/model"],
    "tune": ["tune", "sentiment", "search.train.epochs=[1, 2]"],
    "calibrate": ["calibrate", "nowhere"],
    "export": ["export", "nowhere"],
    "diff": ["diff", "nowhere", "nowhere/model"],
    "push": ["push", "nowhere", "name"],
    "info": ["info"],
}
SPY = """
import sys
class Spy:
    encoding, errors = "utf-8", "strict"
    def __init__(self, real): self.real = real
    def isatty(self): return True
    def fileno(self): return self.real.fileno()
    def flush(self): self.real.flush()
    def write(self, text):
        if text.strip():
            heavy = [name for name in {heavy!r} if name in sys.modules]
            print("HEAVY", heavy, file=sys.__stdout__, flush=True)
            import os; os._exit(0)
        return len(text)
sys.stderr = Spy(sys.stderr)
from hfdl.cli.errors import run
run({arguments!r})
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_sign_comes_before_any_heavy_import(command: str, tmp_path: Path) -> None:
    code = SPY.format(heavy=HEAVY, arguments=COMMANDS[command])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          timeout=120, cwd=tmp_path, env=None)  # fmt: skip
    assert done.stdout == "HEAVY []\n", done.stdout + done.stderr
    assert len(COMMANDS) == 17


def fits(shown: Shown, width: int) -> None:
    assert shown.code == 0, shown.raw
    wide = [line for line in shown.lines if cells(line) > width]
    assert [line for line in wide if not line.startswith(("use it:", "saved"))] == []
    assert 0 < shown.first < FIRST


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "data.csv", [
        {**row, "text": f"{row['text']} {'and so on ' * 20}"} for row in reviews(60)
    ])  # fmt: skip


@pytest.mark.parametrize(
    "width", [60, *(pytest.param(wider, marks=pytest.mark.slow) for wider in (80, 160))]
)
def test_commands_fit(trained: Path, data: Path, tmp_path: Path, width: int) -> None:
    run, output = str(trained), str(tmp_path / "out.csv")
    check = on_terminal("data", "check", str(data), width=width, cwd=tmp_path)
    evaluated = on_terminal("evaluate", run, str(data), width=width, cwd=tmp_path)
    answered = on_terminal("predict", run, "a fine film " * 30, width=width, cwd=tmp_path)
    saved = on_terminal("predict", run, "--file", str(data), "--output", output, width=width,
                        cwd=tmp_path)  # fmt: skip
    for shown in (check, evaluated, answered, saved):
        fits(shown, width)
    assert any(line.endswith("...") and cells(line) > width - 6 for line in answered.lines)
    assert any("for comparison: always" in line for line in evaluated.lines)
    assert any("predicting  60/60 texts" in line for line in saved.drawn)
    bars = {
        line.count("━") + line.count("─") for line in saved.drawn if "━" in line or "──" in line
    }
    assert len(bars) == 1


def test_training_fits(tiny_bert: Path, data: Path, tmp_path: Path) -> None:
    settings = [f"model.name={tiny_bert}", f"data.train={data}", "data.max_length=32",
                "train.steps=4", "train.precision=float32"]  # fmt: skip
    shown = on_terminal("train", "sentiment", *settings, "--output", "run", width=80, cwd=tmp_path)
    fits(shown, 80)
    assert any(re.search(r"training  \d/4  loss ", line) for line in shown.drawn)
    assert any("evaluating validation" in line for line in shown.drawn)


def test_verify_counts_what_it_compares(tiny_bert: Path, tmp_path: Path) -> None:
    shown = on_terminal("verify", str(tiny_bert), "--variant", "plain", width=80, cwd=tmp_path)
    fits(shown, 80)
    for dtype in ("float32", "float64"):
        assert any(re.search(rf"comparing in {dtype}  \d/\d models", line) for line in shown.drawn)
