"""Console output of a run: a progress bar on a terminal, plain lines elsewhere.

Both know nothing but events. A stream that goes away (a closed pager) ends the show, not the run.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from hfdl.training.events import (
    Checkpointed,
    Evaluated,
    Event,
    Finished,
    Noted,
    Planned,
    Resumed,
    Sampled,
    Updated,
)

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress, TaskID

LINE_SECONDS = 5.0
"""A plain update line appears when this long has passed since the last one,"""
LINE_SHARE = 0.1
"""or when this share of the run has."""

SAMPLE = 200
"""Characters of a sampled text that are shown; log.jsonl has all of it."""


def console_listener(stream: TextIO | None = None, *, force_plain: bool = False) -> Console:
    """A listener that shows a run; a context manager, so that the terminal is left in order.

    Args:
        stream: where to; default: stderr.
        force_plain: plain lines even on a terminal.
    """
    # A program without a console has no stderr at all.
    target: TextIO = stream or sys.stderr or StringIO()
    fancy = target.isatty() and os.environ.get("TERM") != "dumb" and not force_plain
    return TerminalConsole(target) if fancy else PlainConsole(target)


class Console(ABC):
    """Takes events one by one; each kind that is worth a line has its method."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.rate = Rate()
        self.gone = False

    def __enter__(self) -> Console:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._guard(self.close)

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self._guard(lambda: self._show(event))

    def _guard(self, action: Callable[[], None]) -> None:
        if self.gone:
            return
        try:
            action()
        except (OSError, ValueError):
            # ValueError is what a closed file raises. Training must outlive its audience.
            self.gone = True

    def _show(self, event: Event) -> None:
        if isinstance(event, Updated):
            self.rate.add(event)
            self.update(event)
            return
        self.rate.pause()
        if isinstance(event, Planned):
            self.table(plan_rows(event))
        elif isinstance(event, Evaluated):
            self.line(evaluation_line(event))
        elif isinstance(event, Sampled):
            for sample in event.samples:
                self.line(sample_line(sample), dim=True)
        elif isinstance(event, Noted):
            self.line(event.text, dim=True)
        elif isinstance(event, Resumed):
            self.line(f"resumed after update {event.step} from {event.path}", dim=True)
        elif isinstance(event, Checkpointed):
            self.line(f"checkpoint after update {event.step}: {event.path}", dim=True)
        elif isinstance(event, Finished):
            self.close()
            self.line(finish_line(event))

    @abstractmethod
    def update(self, event: Updated) -> None:
        """Show progress."""

    @abstractmethod
    def line(self, text: str, *, dim: bool = False) -> None:
        """Show one line of text, whatever is in it."""

    @abstractmethod
    def table(self, rows: list[tuple[str, str]]) -> None:
        """Show names and values."""

    @abstractmethod
    def close(self) -> None:
        """Show what is still to be shown, and leave the stream in order."""


class PlainConsole(Console):
    """Lines without control characters."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._last: Updated | None = None
        self._shown: Updated | None = None

    def update(self, event: Updated) -> None:
        self._last = event
        since = event.seconds - (self._shown.seconds if self._shown else 0.0)
        steps = event.step - (self._shown.step if self._shown else 0)
        is_tenth = steps >= LINE_SHARE * event.steps
        if since >= LINE_SECONDS or is_tenth or event.step >= event.steps:
            self._print_update(event)

    def _print_update(self, event: Updated) -> None:
        self._shown = event
        self.line(update_line(event, self.rate))

    def line(self, text: str, *, dim: bool = False) -> None:
        encoding = self.stream.encoding or "utf-8"
        safe = clean(text).encode(encoding, "backslashreplace").decode(encoding)
        self.stream.write(f"{safe}\n")
        self.stream.flush()

    def table(self, rows: list[tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.line(f"{name:<{width}}  {value}")

    def close(self) -> None:
        if self._last is not None and self._last is not self._shown:
            self._print_update(self._last)


class TerminalConsole(Console):
    """A rich progress bar, with the lines above it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console as RichConsole

        super().__init__(stream)
        self._rich = RichConsole(file=stream, highlight=False)
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def update(self, event: Updated) -> None:
        if self._progress is None:
            self._progress = _progress_bar(self._rich)
            self._task = self._progress.add_task("train", total=event.steps, status="")
            self._progress.start()
        assert self._task is not None
        self._progress.update(
            self._task,
            completed=event.step,
            total=event.steps,
            status=update_status(event, self.rate),
        )

    def line(self, text: str, *, dim: bool = False) -> None:
        from rich.text import Text

        # Text, not str: a label may well hold what rich would take for a style.
        self._rich.print(Text(clean(text), style="dim" if dim else ""), soft_wrap=True)

    def table(self, rows: list[tuple[str, str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(name, Text(clean(value)))
        self._rich.print(table)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _progress_bar(console: RichConsole) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    def whole() -> Column:
        return Column(no_wrap=True)

    # On a narrow terminal the bar shrinks, the numbers do not.
    return Progress(
        TextColumn("{task.completed}/{task.total}", table_column=whole()),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[status]}", markup=False, table_column=whole()),
        console=console,
        refresh_per_second=4,
    )


class Rate:
    """Speed over the last updates, with evaluations and checkpoints left out."""

    def __init__(self, window: int = 50) -> None:
        self._spans: deque[tuple[float, int, int]] = deque(maxlen=window)
        self._previous: Updated | None = None
        self._first: Updated | None = None

    def add(self, event: Updated) -> None:
        """Count an update."""
        self._first = self._first or event
        if self._previous is not None:
            seconds = event.seconds - self._previous.seconds
            self._spans.append((seconds, event.examples, event.tokens))
        self._previous = event

    def pause(self) -> None:
        """Something other than an update happened: the time until the next one does not count."""
        self._previous = None

    def per_second(self) -> tuple[float, float] | None:
        """Examples and tokens per second, None before there are two updates to compare."""
        seconds = sum(span[0] for span in self._spans)
        if seconds <= 0:
            return None
        examples = sum(span[1] for span in self._spans)
        return examples / seconds, sum(span[2] for span in self._spans) / seconds

    def remaining(self, event: Updated) -> float | None:
        """Seconds until the last update, evaluations included; None when it cannot be told yet."""
        if self._first is None or event.step <= self._first.step:
            return None
        per_step = (event.seconds - self._first.seconds) / (event.step - self._first.step)
        return per_step * (event.steps - event.step)


def plan_rows(event: Planned) -> list[tuple[str, str]]:
    """What is about to run, as names and values."""
    share = event.trainable / event.parameters if event.parameters else 0.0
    processes = f" x {event.processes} processes" if event.processes > 1 else ""
    micro = event.micro_batch_size
    batches = f" in micro-batches of {micro}" if micro != event.batch_size else ""
    rows = [
        ("task", event.task),
        ("model", f"{event.model} ({event.implementation})"),
        ("parameters", f"{event.parameters:,}, {share:.1%} of them trained"),
        ("examples", ", ".join(f"{name} {size:,}" for name, size in event.examples.items())),
        *([("labels", _labels(event.labels))] if event.labels else []),
        ("tokens", f"{event.tokens:,} over {event.epochs:g} epochs"),
        ("updates", f"{event.steps:,} of {event.batch_size:,} examples{batches}"),
        ("device", f"{event.device}, {event.precision}{processes}"),
    ]
    if event.seconds is not None:
        rows.append(("estimated time", format_seconds(event.seconds)))
    if event.memory_bytes is not None:
        rows.append(("estimated memory", f"{event.memory_bytes / 2**30:.2f} GiB"))
    return rows


def update_line(event: Updated, rate: Rate) -> str:
    """An update as one line: where it is, and how it goes."""
    return f"epoch {event.epoch:.2f}  step {event.step}/{event.steps}  {update_status(event, rate)}"


def update_status(event: Updated, rate: Rate) -> str:
    """Loss, learning rate, speed and time left."""
    parts = [f"loss {event.loss:.4f}", f"lr {event.learning_rate:.1e}"]
    if speed := rate.per_second():
        parts.append(f"{_rate(speed[0])} examples/s  {_rate(speed[1])} tokens/s")
    if event.step < event.steps and (left := rate.remaining(event)) is not None:
        parts.append(f"ETA {format_seconds(left)}")
    return "  ".join(parts)


def evaluation_line(event: Evaluated) -> str:
    """An evaluation as one line; ``*best`` marks the best so far."""
    metrics = "  ".join(
        f"{name} {value:.4f}" for name, value in event.metrics.items() if "/" not in name
    )
    best = "  *best" if event.is_best else ""
    # A saved model is evaluated outside of any training: it has no place in one.
    position = f"epoch {event.epoch:.2f}  step {event.step}  " if event.step else ""
    return f"{position}{event.split}  {metrics}{best}"


def sample_line(sample: Mapping[str, Any]) -> str:
    """A text that the model wrote, after its prompt in quotes, cut to ``SAMPLE`` characters."""
    text = f"{sample.get('text') or ''}"
    more = "..." if len(text) > SAMPLE else ""
    return f'  "{sample.get("prompt") or ""}" -> {text[:SAMPLE]}{more}'


def finish_line(event: Finished) -> str:
    """How the run ended."""
    reason = event.reason.replace("_", " ")
    return f"{reason} after {event.step} updates in {format_seconds(event.seconds)}"


def format_seconds(seconds: float) -> str:
    """A duration: ``42 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clean(text: str) -> str:
    """The text with everything that could steer a terminal replaced by its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 10 else f"{per_second:.2g}"


def _labels(labels: list[str], most: int = 8) -> str:
    more = f", ... ({len(labels)} in all)" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
