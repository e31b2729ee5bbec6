"""A sign of life at once: a command says what it does before it imports what that needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from hfdl.runs.console import Console


@contextmanager
def working(what: str, stream: TextIO | None = None) -> Iterator[Console]:
    """Show what is done, and how far it is, on stderr until the block is left.

    Args:
        what: the first thing that is done. It is shown before torch is imported.
        stream: where to, in place of stderr.

    Yields:
        a listener for the events of a run.
    """
    from hfdl.progress import tell
    from hfdl.runs.console import console_listener

    with console_listener(stream) as console:
        tell(what)
        yield console
