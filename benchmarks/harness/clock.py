"""Time of a stretch of work, and memory at its peak."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """The processor seconds and the seconds of what is done within, once it is over."""
    took: dict[str, float] = {}
    processor, wall = time.process_time(), time.perf_counter()
    yield took
    took["processor_seconds"] = time.process_time() - processor
    took["seconds"] = time.perf_counter() - wall


class Stretches:
    """Time of several stretches, with others between them that are not counted."""

    def __init__(self) -> None:
        self.processor_seconds = self.seconds = 0.0
        self.skip()

    def skip(self) -> None:
        """What was done since the last call does not count."""
        self._processor, self._wall = time.process_time(), time.perf_counter()

    def count(self) -> None:
        """What was done since the last call counts."""
        processor, wall = self._processor, self._wall
        self.skip()
        self.processor_seconds += self._processor - processor
        self.seconds += self._wall - wall

    def figures(self) -> dict[str, float]:
        """The sums, under the names of ``measured``."""
        return {"processor_seconds": self.processor_seconds, "seconds": self.seconds}


def resident_bytes() -> int:
    """Memory that this process holds now (Linux)."""
    return _status("VmRSS")


def forget_peak() -> None:
    """Let the peak begin anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """The most memory since ``forget_peak`` (Linux)."""
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")
