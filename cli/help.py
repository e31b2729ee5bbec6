"""The help of ``hfdl`` itself, as it was recorded: nothing of the command line is imported for it.

A test holds ``help.txt`` to what the commands say. After a change of theirs it is recorded anew:

    python -c "from hfdl.cli.errors import run; run(['--help'])" > cli/help.txt
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from hfdl.distribution import namesake

_WIDTH = 80
"""Columns that the text was folded for, which are the most that it takes."""


def prints_help(arguments: Sequence[str]) -> bool:
    """Print the recorded help, if that is what is asked for.

    Args:
        arguments: those of the command line.

    Returns:
        whether it was printed; False leaves all to the command line: other arguments, a shell that
        completes, a narrow terminal, a package to warn of.
    """
    is_asked = [*arguments] in ([], ["--help"]) and "_HFDL_COMPLETE" not in os.environ
    if not is_asked or _columns() < _WIDTH or namesake() is not None:
        return False
    file = os.path.join(os.path.dirname(__file__), "help.txt")  # noqa: PTH118, PTH120  # no pathlib
    with open(file, encoding="utf-8") as stream:  # noqa: PTH123
        print(stream.read(), end="", flush=True)
    return True


def _columns() -> int:
    """As ``shutil.get_terminal_size``, whose import takes longer than all else here."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns > 0:
        return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _WIDTH  # pyright: ignore[reportOptionalMemberAccess]
    except (AttributeError, ValueError, OSError):  # no terminal
        return _WIDTH
