"""Out of memory on a CPU, under a real limit: the run goes on in smaller parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews, write_csv

if sys.platform != "linux":
    pytest.skip("RLIMIT_AS is Linux's", allow_module_level=True)

CHILD = """
import json, resource, sys
import hfdl
from hfdl.runs import session
from hfdl.training.events import Event, Noted

settings, output, room = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
begin = session.Session.train

def limited(self, *arguments, **options):
    '''Once the model is there: what is left is for activations.'''
    size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + room * 2**20,) * 2)
    return begin(self, *arguments, **options)

session.Session.train = limited
session.write_report = session.write_model_card = lambda folder: None

def note(event):
    if isinstance(event, Noted):
        print(event.text, flush=True)

hfdl.train("sentiment", settings, output=output, listener=note)
"""


def train(settings: dict[str, Any], output: Path, room: int) -> tuple[int, str, str]:
    """Train with so many megabytes: exit code, notes, stderr."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(settings), str(output), str(room)],
        capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "room", [120, *(pytest.param(size, marks=pytest.mark.slow) for size in (90, 160, 200, 250))]
)
def test_a_run_under_a_limit_completes_in_smaller_parts(
    room: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    rows = reviews(1100)
    for row in rows:
        row["text"] = " ".join([row["text"]] * 8)
    data = write_csv(tmp_path / "long.csv", rows)
    settings |= {
        "data.train": str(data), "data.max_length": 64, "train.batch_size": 800,
        "train.steps": 2, "train.learning_rate": 1e-4,
    }  # fmt: skip
    code, notes, stderr = train(settings, tmp_path / "run", room)
    assert code == 0, stderr[-2000:]
    assert "update 1 in micro-batches of 800: going on with 400; an update stays 800" in notes
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["runtime"]["steps"] == 2
