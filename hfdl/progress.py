"""How far long work has come: told where the work is done, shown by whoever listens.

Readers, tokenisation, evaluation, pipelines and parity tell it; the console (``hfdl.runs.console``)
listens. While nobody does, telling costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """What is being done, and how far it is.

    Args:
        what: in words, as ``tokenising``.
        done: how many of ``total`` are done.
        total: how many there are; None where that is not known.
        unit: what is counted, in the plural.
    """

    what: str
    done: int = 0
    total: int | None = None
    unit: str = ""


Show = Callable[[Progress], None]

_listeners: list[Show] = []
_counts: list[str] = []
"""What is being counted now. The outermost count is the one that is shown: a file's rows, not the
batches of each 256 of them."""


@contextmanager
def listening(show: Show) -> Iterator[None]:
    """Give everything that is told to ``show``, until the block is left."""
    if not _listeners:
        _counts.clear()  # of a count that an error left unfinished, its traceback still kept
    _listeners.append(show)
    try:
        yield
    finally:
        _listeners.remove(show)


def tell(what: str) -> None:
    """Say what is done from now on, without a count."""
    report(Progress(what))


def report(progress: Progress) -> None:
    """Say how far something is that is not counted by ``track``."""
    if _listeners and not _counts:
        _listeners[-1](progress)


def track(
    items: Iterable[T],
    what: str,
    *,
    total: int | None = None,
    unit: str = "",
    size: Callable[[T], int] = lambda item: 1,
) -> Iterator[T]:
    """The items themselves, counted as they are taken.

    Args:
        items: what is worked through; an item counts as done when the next is asked for.
        what, total, unit: see ``Progress``.
        size: how many an item counts for.
    """
    if not _listeners or _counts:
        yield from items
        return
    _counts.append(what)
    try:
        done = 0
        _listeners[-1](Progress(what, done, total, unit))
        for item in items:
            yield item
            done += size(item)
            if _listeners:
                _listeners[-1](Progress(what, done, total, unit))
    finally:
        if what in _counts:
            _counts.remove(what)
