"""Console output of a run: a progress bar on a terminal, plain lines elsewhere.

Both know nothing but events and progress. A stream that goes away (a closed pager) ends the show,
not the run.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from hfdl.progress import Progress, listening
from hfdl.runs.bar import Bar, bar_of, training_bar
from hfdl.runs.event_lines import (
    Rate,
    evaluation_line,
    finish_line,
    plan_rows,
    sample_line,
    update_line,
)
from hfdl.runs.texts import clean, fold
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
    from rich.live import Live

LINE_SECONDS = 5.0
"""A plain line of progress appears when this long has passed since the last one,"""
LINE_SHARE = 0.1
"""or, of updates, when this share of the run has."""


def console_listener(stream: TextIO | None = None, *, force_plain: bool = False) -> Console:
    """A listener that shows a run; a context manager, so that the terminal is left in order.

    While it is entered it also shows the progress that is told by ``hfdl.progress``.

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
        self._entered = ExitStack()

    def __enter__(self) -> Console:
        self._entered.enter_context(listening(self.progress))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered.close()
        self._guard(self.close)

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self._guard(lambda: self._show(event))

    def progress(self, progress: Progress) -> None:
        """Show how far something other than training is."""
        self._guard(lambda: self.count(progress))

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
        """Show how far training is."""

    @abstractmethod
    def count(self, progress: Progress) -> None:
        """Show how far anything else is."""

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
    """Lines without control characters; of work that takes seconds, no line at all."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._last: Updated | None = None
        self._shown: Updated | None = None
        self._bar: Bar | None = None
        self._printed = 0.0

    def update(self, event: Updated) -> None:
        self._last = event
        since = event.seconds - (self._shown.seconds if self._shown else 0.0)
        steps = event.step - (self._shown.step if self._shown else 0)
        is_tenth = steps >= LINE_SHARE * event.steps
        if since >= LINE_SECONDS or is_tenth or event.step >= event.steps:
            self._print_update(event)

    def count(self, progress: Progress) -> None:
        self._bar = bar_of(progress, self._bar)
        since = max(self._printed, self._bar.started)
        if progress.done and time.perf_counter() - since >= LINE_SECONDS:
            self.line(self._bar.text())

    def _print_update(self, event: Updated) -> None:
        self._shown = event
        self.line(update_line(event, self.rate))

    def line(self, text: str, *, dim: bool = False) -> None:
        encoding = self.stream.encoding or "utf-8"
        safe = clean(text).encode(encoding, "backslashreplace").decode(encoding)
        self.stream.write(f"{safe}\n")
        self.stream.flush()
        self._printed = time.perf_counter()

    def table(self, rows: list[tuple[str, str]]) -> None:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.line(f"{name:<{width}}  {value}")

    def close(self) -> None:
        if self._last is not None and self._last is not self._shown:
            self._print_update(self._last)


class TerminalConsole(Console):
    """A bar in the last line, drawn again as time goes, with the lines above it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console as RichConsole

        super().__init__(stream)
        self._rich = RichConsole(file=stream, highlight=False)
        self._live: Live | None = None
        self._bar = Bar("")

    def update(self, event: Updated) -> None:
        self._draw(training_bar(event, self.rate))

    def count(self, progress: Progress) -> None:
        self._draw(bar_of(progress, self._bar))

    def line(self, text: str, *, dim: bool = False) -> None:
        from rich.text import Text

        for line in fold(clean(text), self._rich.width):
            # Text, not str: a label may well hold what rich would take for a style.
            self._rich.print(Text(line, style="dim" if dim else ""), soft_wrap=True)

    def table(self, rows: list[tuple[str, str]]) -> None:
        from rich.text import Text

        column = max(len(name) for name, _ in rows) + 2
        for name, value in rows:
            head, *more = fold(clean(value), max(8, self._rich.width - column), indent="")
            self._rich.print(Text(f"{name:<{column}}", "bold").append(head, "not bold"))
            for line in more:
                self._rich.print(Text(" " * column + line))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, bar: Bar) -> None:
        is_new = bar.what != self._bar.what
        self._bar = bar
        if self._live is None:
            self._live = self._started()
        elif is_new:
            self._live.refresh()

    def _started(self) -> Live:
        from rich.live import Live

        live = Live(
            console=self._rich, get_renderable=self._drawn, refresh_per_second=4, transient=True,
            # Answers on stdout stay there, wherever it leads.
            redirect_stdout=False, redirect_stderr=self.stream is sys.stderr,
        )  # fmt: skip
        live.start(refresh=True)
        return live

    def _drawn(self) -> Any:
        from rich.text import Text

        is_ascii = not (self.stream.encoding or "utf-8").lower().startswith("utf")
        full, rest, words = self._bar.line(self._rich.width, ascii_only=is_ascii)
        text = Text(no_wrap=True, overflow="crop")
        return text.append(full, "green").append(rest, "dim").append(clean(words))
