"""The progress bar: one line, one look, for training and for all that goes on around it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hfdl.progress import Progress
from hfdl.runs.event_lines import Rate, per_second_text
from hfdl.runs.texts import GAP, cells, cut, format_seconds
from hfdl.training.events import Updated

BAR = 20
"""Columns of the bar itself, on a terminal of 80 or more; a quarter of a narrower one."""


@dataclass
class Bar:
    """A piece of work on its way.

    Args:
        what: in words.
        done, total, unit: see ``Progress``.
        parts: more to say, the most telling first: what the line has no room for is left out.
        started, told: when it began and when it was last told of, in seconds of
            ``time.perf_counter``.
    """

    what: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    parts: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    told: float = field(default_factory=time.perf_counter)

    @property
    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where that is not known."""
        return None if not self.total else min(1.0, self.done / self.total)

    def line(self, width: int, *, ascii_only: bool = False) -> tuple[str, str, str]:
        """The line in three parts: done of the bar, rest of the bar, and the words.

        The last column stays free: some terminals begin a new line with it.

        Args:
            width: of the terminal. The bar's own width depends on nothing else.
            ascii_only: what the terminal can show.
        """
        size = BAR if width >= 4 * BAR else max(5, width // 4)
        full, empty = self._bar(size)
        drawn = ("#", "-") if ascii_only else ("━", "─")
        room = width - 1 - size - len(GAP)
        return drawn[0] * full, drawn[1] * empty, f"{GAP}{fit(self._words(), room)}"

    def text(self) -> str:
        """The line without a bar."""
        return GAP.join(self._words())

    def _bar(self, size: int) -> tuple[int, int]:
        full = 0 if self.share is None else round(size * self.share)
        return full, size - full

    def _words(self) -> list[str]:
        return [self.what, *self._count(), *(self.parts or self._speed())]

    def _count(self) -> list[str]:
        if self.total is None:
            return [f"{self.done:,} {self.unit}".strip()] if self.done else []
        return [f"{self.done:,}/{self.total:,} {self.unit}".strip()]

    def _speed(self) -> list[str]:
        """Items a second and the time that is left; of what is not counted, the time so far."""
        is_done = self.done == self.total
        seconds = (self.told if is_done else time.perf_counter()) - self.started
        if not self.done:
            return [format_seconds(seconds)] if seconds >= 1 else []
        rate = self.done / max(seconds, 1e-9)
        speed = f"{per_second_text(rate)}/s"
        if self.total is None or is_done:
            return [speed]
        return [speed, f"ETA {format_seconds(max(0, self.total - self.done) / rate)}"]


def bar_of(progress: Progress, before: Bar | None) -> Bar:
    """The bar of what was told, begun when the same work was first told."""
    is_same = before is not None and before.what == progress.what and before.done <= progress.done
    started = before.started if before is not None and is_same else time.perf_counter()
    return Bar(progress.what, progress.done, progress.total, progress.unit, started=started)


def training_bar(event: Updated, rate: Rate) -> Bar:
    """The bar of a run that trains."""
    parts = [f"loss {event.loss:.4f}"]
    speed = rate.per_second()
    if speed:
        parts.append(f"{per_second_text(speed[0])} examples/s")
    if event.step < event.steps and (left := rate.remaining(event)) is not None:
        parts.append(f"ETA {format_seconds(left)}")
    parts.append(f"lr {event.learning_rate:.1e}")
    if speed:
        parts.append(f"{per_second_text(speed[1])} tokens/s")
    return Bar("training", event.step, event.steps, parts=parts)


def fit(parts: list[str], width: int) -> str:
    """As many of the first parts as there is room for, whole."""
    kept = cut(parts[0], width)
    for part in parts[1:]:
        if cells(kept) + len(GAP) + cells(part) > width:
            break
        kept = f"{kept}{GAP}{part}"
    return kept
