"""Printing: JSON for programs, aligned lines for people."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

TEXT = 70
"""Columns of an example's text where there is no terminal to fill."""


def show_help(context: typer.Context) -> None:
    """Print the help of a group that was called without a command, and leave."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit


def to_json(value: Any, *, indent: int | None = None, encoding: str | None = "utf-8") -> str:
    """JSON that the encoding can hold: other characters as ``\\uXXXX``.

    A number that is not finite has no JSON, and becomes null.
    """
    is_unicode = (encoding or "").lower().replace("-", "").startswith("utf")

    def dumps(value: Any) -> str:
        return json.dumps(
            value, ensure_ascii=not is_unicode, indent=indent, default=str, allow_nan=False
        )

    try:
        text = dumps(value)
    except ValueError:  # a number that is not finite
        from hfdl.training.files import finite_or_null

        text = dumps(finite_or_null(value))
    # A lone surrogate (from a file name, say) has no UTF-8; its escape is JSON all the same.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def print_json(value: Any) -> None:
    """Print one JSON value over several lines."""
    print(to_json(value, indent=2, encoding=sys.stdout.encoding))


def print_table(
    headers: Sequence[str] | None, rows: Sequence[Sequence[str]], *, cut_last: bool = False
) -> None:
    """Print aligned columns, two spaces apart, the headers above them if there are any.

    Args:
        headers, rows: the cells.
        cut_last: whether the last column is cut at the terminal's edge, not folded.
    """
    from hfdl.runs.texts import clean

    from .tables import table_lines

    names = None if headers is None else [*map(clean, headers)]
    cells = [[*map(clean, row)] for row in rows]
    cut = TEXT if cut_last else None
    for line in table_lines(names, cells, terminal_width(), cut_last=cut):
        _print(line)


def print_text(text: str) -> None:
    """Print a line, folded where the terminal is narrower; what stdout cannot show is escaped."""
    from hfdl.runs.texts import fold

    width = terminal_width()
    for line in text.split("\n") if width else [text]:
        for part in fold(line, width) if width else [line]:
            _print(part)


def print_unfolded(text: str) -> None:
    """Print a line that can be copied whole: a command, or what a model has written."""
    _print(text)


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def print_note(text: str) -> None:
    """Print what a person should know to stderr, so that stdout stays the answers alone."""
    from ..errors import say

    encoding = sys.stderr.encoding or "utf-8"
    say("note", text.encode(encoding, "backslashreplace").decode(encoding))


def file_size(count: int) -> str:
    """Bytes as ``12.3 kB``, in the largest unit of which there is a whole one."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def print_saved(path: Path, what: str = "") -> None:
    """Say where something was saved, whatever the name holds; ``what`` are the files in it."""
    from hfdl.runs.texts import clean

    print_text(clean(f"saved in {path}" + (f": {what}" if what else "")))


def print_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each split and a column for each metric, details (``a/b``) left out.

    Where the terminal is too narrow for that, a row for each metric and a column for each split.
    """
    from .tables import table_lines

    named = dict.fromkeys(name for values in metrics.values() for name in values)
    names = [name for name in named if "/" not in name]
    rows = [
        [split, *(_number(values[name]) if name in values else "-" for name in names)]
        for split, values in metrics.items()
    ]
    if not rows:
        return
    width = terminal_width()
    widest = max(map(len, table_lines(["split", *names], rows, None)))
    if width is None or widest <= width:
        print_table(["split", *names], rows)
    else:
        turned = [[*column] for column in zip(names, *(row[1:] for row in rows), strict=True)]
        print_table(["metric", *(row[0] for row in rows)], turned)


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None where it is none."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def shorten(text: str, width: int | None = None) -> str:
    """The text on one line, cut to so many columns. Default: ``TEXT``."""
    from hfdl.runs.texts import cut

    return cut(" ".join(text.split()), TEXT if width is None else width)


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
