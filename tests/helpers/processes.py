"""``hfdl train`` as real processes, to be watched, stopped and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HFDL = [sys.executable, "-P", "-m", "hfdl.cli"]
PATIENCE = 120.0


def train_command(settings: Mapping[str, Any], *arguments: str | Path) -> list[str]:
    """The words of ``hfdl train sentiment`` with these settings."""
    overrides = [f"{key}={value}" for key, value in settings.items()]
    return [*HFDL, "train", "sentiment", *overrides, *map(str, arguments)]


def start(command: list[str], cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """A process whose stdout and stderr can be read."""
    return subprocess.Popen(
        command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code and stderr."""
    _, stderr = process.communicate(timeout=PATIENCE)
    return process.returncode, stderr


def log_of(run: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The whole lines of a log that may be being written, of one kind or all."""
    log = run / "log.jsonl"
    lines = log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []
    records = [json.loads(line) for line in lines]
    return [record for record in records if kind in (None, record["event"])]


def wait_for_updates(run: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until the log holds so many updates."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if len(log_of(run, "update")) >= count:
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"no {count} updates in {run}: {process.communicate()}")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
