"""One run that is killed, resumed, killed again, and finished, compared with one that was not."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.turns import ROOT, SideFailed, surroundings
from benchmarks.kills.configurations import COMMON, STEPS, Configuration

PATIENCE = 300.0
_OF_THE_MOMENT = ("runtime", "environment")  # of metrics.json: how long it took, and where


@dataclass(frozen=True)
class Kill:
    """What a killed process left.

    Args:
        update: the last one in its log.
        checkpoint: the update of its newest checkpoint; 0: none.
        writing: whether something was half written.
        seconds: from the start of the process.
    """

    update: int
    checkpoint: int
    writing: bool
    seconds: float

    @property
    def lost(self) -> int:
        """Updates to be done again, beyond the one that was not saved yet."""
        return max(0, self.update - self.checkpoint - int(COMMON["train.save_every"]))


@dataclass(frozen=True)
class Straight:
    """A run that was not killed.

    Args:
        state: a digest of each thing that it left.
        seconds: of the process.
        begun: seconds until its first update was logged.
    """

    state: dict[str, str]
    seconds: float
    begun: float


def start(configuration: Configuration, folder: Path, run: Path) -> subprocess.Popen[str]:
    """The training as a process group of its own; it goes on where there is something to resume."""
    words = [
        sys.executable, "-P", "-m", "hfdl.cli", "train", configuration.recipe,
        *configuration.overrides(folder), "--output", str(run), *configuration.words,
    ]  # fmt: skip
    if (run / "recipe.yaml").exists():
        words.append("--resume")
    return subprocess.Popen(
        words, cwd=ROOT, env=surroundings(1), text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(configuration: Configuration, folder: Path, run: Path) -> None:
    """Run to the end.

    Raises:
        SideFailed: it does not end well.
    """
    process = start(configuration, folder, run)
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise SideFailed(f"{configuration.name}: exit {process.returncode}\n{said[-2000:]}")


def straight(configuration: Configuration, folder: Path, run: Path) -> Straight:
    """The run that the others are compared with."""
    began = time.monotonic()
    process = start(configuration, folder, run)
    begun = _seconds_until_update(process, run, 0) - began
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise SideFailed(f"{configuration.name}: exit {process.returncode}\n{said[-2000:]}")
    return Straight(state_of(run), time.monotonic() - began, begun)


def killed(
    configuration: Configuration, folder: Path, run: Path, known: Straight, draw: random.Random
) -> Kill | None:
    """Start or resume the run, and kill it at a random time; None where it ended before that.

    One time in four at any time, imports included; one in four between its first update and its
    end; else right after one of the updates that are left.
    """
    began, updates = time.monotonic(), len(logged_updates(run))
    process = start(configuration, folder, run)
    way = draw.randrange(4)
    if way == 0:
        until = began + draw.uniform(0, known.seconds)
    elif way == 1:
        begun = _seconds_until_update(process, run, updates)
        until = begun + draw.uniform(0, known.seconds - known.begun)
    else:
        before = draw.randrange(updates, max(STEPS, updates + 1))
        until = _seconds_until_update(process, run, before) + draw.uniform(0, 0.05)
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.002)
    if process.poll() is not None:
        process.communicate()
        return None
    kill_group(process)
    seconds = time.monotonic() - began
    saved = [int(path.name.partition("-")[2]) for path in (run / "checkpoints").glob("step-*")]
    return Kill(
        max(logged_updates(run), default=0), max(saved, default=0), bool(half_written(run)),
        round(seconds, 3),
    )  # fmt: skip


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process; those that it has started end with it."""
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    raise SideFailed("a process outlived its launcher by ten seconds")


def logged_updates(run: Path) -> list[int]:
    """The numbers of the updates in the log."""
    return [record["step"] for record in records_of(run) if record["event"] == "update"]


def records_of(run: Path) -> list[dict[str, Any]]:
    """The whole lines of the log."""
    log = run / "log.jsonl"
    lines = log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []
    return [json.loads(line) for line in lines]


def half_written(run: Path) -> list[str]:
    """Files and folders that were being written."""
    return [str(path) for path in run.rglob("*") if path.name.startswith(".writing-")]


def state_of(run: Path) -> dict[str, str]:
    """A digest of each thing that a finished run left, but for what tells of time."""
    (checkpoint,) = (run / "checkpoints").glob("step-*")
    files = [run / name for name in ("model.safetensors", "predictions.jsonl")]
    files += sorted([*run.glob("adapter_*.safetensors"), *checkpoint.glob("*.safetensors")])
    state = {
        str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.exists()  # adapters alone are saved without the model
    }
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    kept = {name: value for name, value in metrics.items() if name not in _OF_THE_MOMENT}
    state["metrics.json"] = json.dumps(kept, sort_keys=True)
    state["updates"] = str(logged_updates(run))
    return state


def _seconds_until_update(process: subprocess.Popen[str], run: Path, known: int) -> float:
    """When the log of a process has more updates than were known, or the process has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if len(logged_updates(run)) > known:
            break
        time.sleep(0.01)
    return time.monotonic()
