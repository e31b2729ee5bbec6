"""log.jsonl: what happened in a run, an event a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from hfdl.training.events import Event, Restarted, Resumed
from hfdl.training.files import json_text, replace_text

LOG = "log.jsonl"


class LogFile:
    """A listener that writes each event as a line of log.jsonl, at once.

    When a run goes on from a checkpoint, the lines of updates after it are dropped: they are about
    to be written again. When it begins again, those of all updates are.

    Args:
        folder: the run's.
        append: keep what is there, but for a last line that a kill cut short.
    """

    def __init__(self, folder: Path, *, append: bool) -> None:
        self._path = folder / LOG
        if append and self._path.is_file():
            self._keep(lambda step: step < float("inf"))
        self._stream: IO[str] = self._path.open("a" if append else "w", encoding="utf-8")

    def __call__(self, event: Event) -> None:
        if isinstance(event, Resumed | Restarted):
            last = event.step if isinstance(event, Resumed) else -1
            self._stream.close()
            self._keep(lambda step: step <= last)
            self._stream = self._path.open("a", encoding="utf-8")
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._stream.write(json_text({"time": time, **event.as_record()}) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _keep(self, is_kept: Callable[[float], bool]) -> None:
        lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")
        kept = [line for line in lines if line and is_kept(_step_of(line))]
        replace_text(self._path, "".join(f"{line}\n" for line in kept))


def _step_of(line: str) -> float:
    """The update that a line is about; -1: none; infinite for one that a kill cut short."""
    try:
        return json.loads(line).get("step", -1)
    except (ValueError, AttributeError, RecursionError):
        return float("inf")
