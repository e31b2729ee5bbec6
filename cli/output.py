"""Printing: JSON for programs, aligned lines for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer


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


def print_table(headers: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, two spaces apart, the headers above them if there are any."""
    from hfdl.runs.console import clean

    lines = [list(map(clean, row)) for row in ((headers, *rows) if headers else rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        print_text("  ".join(cells).rstrip())


def print_text(text: str) -> None:
    """Print a line; characters that stdout cannot show become escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def print_note(text: str) -> None:
    """Print what a person should know to stderr, so that stdout stays the answers alone."""
    encoding = sys.stderr.encoding or "utf-8"
    line = f"note: {text}".encode(encoding, "backslashreplace").decode(encoding)
    print(line, file=sys.stderr)


def print_saved(path: Path, what: str = "") -> None:
    """Say where something was saved, whatever the name holds; ``what`` are the files in it."""
    from hfdl.runs.console import clean

    print_text(clean(f"saved in {path}" + (f": {what}" if what else "")))


def print_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each split and a column for each metric, details (``a/b``) left out."""
    named = dict.fromkeys(name for values in metrics.values() for name in values)
    names = [name for name in named if "/" not in name]
    rows = [
        [split, *(_number(values[name]) if name in values else "-" for name in names)]
        for split, values in metrics.items()
    ]
    if rows:
        print_table(["split", *names], rows)


def shorten(text: str, width: int = 70) -> str:
    """The text on one line, cut to a width."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
