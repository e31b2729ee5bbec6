"""Started several times by torchrun or accelerate, what is not training is done once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews, write_csv

TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
NOTE = "note: hfdl {} runs in the first of 2 processes alone"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """31 rows: two processes cannot share them evenly."""
    return write_csv(tmp_path_factory.mktemp("odd") / "odd.csv", reviews(31))


@pytest.fixture(scope="module")
def alone(trained: Path, odd: Path) -> str:
    """What one process prints."""
    return run("-m", "hfdl.cli", "evaluate", str(trained), str(odd), "--json", "--output",
               str(odd.parent / "alone")).stdout  # fmt: skip


def test_evaluate_under_torchrun_is_one_evaluation(
    trained: Path, odd: Path, alone: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run(*TORCHRUN, "-m", "hfdl.cli", "evaluate", str(trained), str(odd), "--json",
               "--output", str(out))  # fmt: skip
    assert json.loads(done.stdout) == json.loads(alone)
    assert done.stderr.count(NOTE.format("evaluate")) == 1
    for name in ("predictions.jsonl", "mistakes.jsonl"):
        assert (out / name).read_bytes() == (odd.parent / "alone" / name).read_bytes()
    assert len((out / "predictions.jsonl").read_text("utf-8").splitlines()) == 31


def environment(rank: int) -> dict[str, str]:
    """What torchrun and accelerate tell a process."""
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}


@pytest.mark.parametrize(
    "command", ["predict", "embed", "data check", "recipes show", "info", "report"]
)
def test_other_commands_speak_once(command: str, trained: Path, odd: Path, tmp_path: Path) -> None:
    rest: dict[str, list[str]] = {
        "predict": [str(trained), "a good film"], "embed": [str(trained), "a good film"],
        "data check": [str(odd)], "recipes show": ["sentiment"], "info": [],
        "report": [str(trained)],
    }  # fmt: skip
    words = [*command.split(), *rest[command]]
    first, second = (run("-m", "hfdl.cli", *words, **environment(rank)) for rank in (0, 1))
    assert first.stdout
    assert NOTE.format(words[0]) in first.stderr
    assert (second.stdout, second.stderr) == ("", "")


PROGRAM = """
import json, sys
import torch.distributed as dist
import hfdl
dist.init_process_group("gloo")
scores = hfdl.evaluate(sys.argv[1], {"data.test": sys.argv[2]}, output=sys.argv[3],
                       listener=lambda event: None)
print(json.dumps({"rank": dist.get_rank(), **scores["test"]}) + "\\n", end="", flush=True)
dist.barrier()
dist.destroy_process_group()
"""


def test_from_python_each_of_two_processes_has_the_figures_and_one_writes(
    trained: Path, odd: Path, alone: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = run(*TORCHRUN, str(program), str(trained), str(odd), str(tmp_path / "out"))
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line.pop("rank") for line in lines) == [0, 1]
    expected = json.loads(alone)["test"]
    assert lines[0] == lines[1] == pytest.approx(expected, rel=1e-6)
    assert len((tmp_path / "out/predictions.jsonl").read_text("utf-8").splitlines()) == 31
