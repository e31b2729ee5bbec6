"""The command that goes on where a stopped one was, to be printed and pasted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hfdl.errors import shell_path, shell_word


def command_line(words: Sequence[str], output: Path, *flags: str) -> str:
    """A command as a shell takes it.

    Args:
        words: ``hfdl``, the command and its arguments.
        output: its folder.
        flags: what follows.
    """
    return " ".join([*map(shell_word, words), "--output", shell_path(output), *flags])


def continue_run(folder: Path, *flags: str) -> str:
    """The command that continues a single run, with the recipe that stands in its folder."""
    return " ".join(
        ["hfdl train", shell_path(folder), "--output", shell_path(folder), "--resume", *flags]
    )


@contextmanager
def continued_by(words: Sequence[str], *flags: str, above: int) -> Iterator[None]:
    """While active, a signal's message names this command, not the one for a single run.

    Args:
        words, flags: as for ``command_line``.
        above: how many folders the command's own lies above that of the run that was stopped.
    """
    from hfdl.training.events import Interrupted

    try:
        yield
    except Interrupted as stop:
        folder = Path(stop.directory).parents[above - 1]
        stop.continue_with = command_line(words, folder, *flags)
        raise
