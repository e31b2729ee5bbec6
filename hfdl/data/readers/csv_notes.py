"""What a person should know of the cells of a csv file: line breaks in them, unnamed columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from hfdl.data.readers.csv_header import Separator
from hfdl.data.table import counted

_BREAK = re.compile(r"\r\n|\r|\n")  # a file's lines may end in any of them


def unnamed_note(columns: Mapping[str, Sequence[str]], lines: Sequence[int]) -> str | None:
    """The line about columns without a name that were left out.

    Args:
        columns: those columns.
        lines: the line of each row.
    """
    if not columns:
        return None
    note = f"{counted(len(columns), 'column')} without a name left out"
    index = [str(row) for row in range(len(lines))]
    others = [values for values in columns.values() if list(values) != index]
    filled = [line for line, *cells in zip(lines, *others, strict=True) if any(cells)]
    if not filled:
        return note
    return f"{note}; {counted(len(filled), 'row')} with something there (first: line {filled[0]})"


def breaks_note(
    columns: Mapping[str, Sequence[str]], lines: Sequence[int], separator: Separator
) -> str | None:
    """The line about cells with line breaks: a quote that is left open swallows rows.

    Args:
        columns: all columns of the file.
        lines: the line of each row.
        separator: what separates its columns.
    """
    found = [
        (len(_BREAK.findall(cell)), lines[row], cell)
        for values in columns.values()
        for row, cell in enumerate(values)
        if "\n" in cell or "\r" in cell
    ]
    if not found:
        return None
    most, line, cell = max(found, key=lambda one: (one[0], -one[1]))
    breaks = counted(most, "line break")
    note = (
        f"1 cell has {breaks} (line {line})"
        if len(found) == 1
        else f"{len(found):,} cells have line breaks, up to {most} (line {line})"
    )
    swallowed = _rows_within(cell, len(columns), separator)
    if swallowed > 1 or (swallowed and len(columns) > 2):
        return (
            f"{note}; {counted(swallowed, 'line')} of it look{'s' * (swallowed == 1)} like "
            "rows: does a quote close too late?"
        )
    return note


def _rows_within(cell: str, width: int, separator: Separator) -> int:
    """How many lines inside a cell have as many fields as a row, if all of them have."""
    inner = _BREAK.split(cell)[1:-1]
    are_rows = all(_fields(line, separator) == width for line in inner)
    return len(inner) if width > 1 and are_rows else 0


def _fields(line: str, separator: Separator) -> int:
    """How many fields a line has, as a row of its own; commas in quotes separate nothing."""
    if '"' not in line:
        return line.count(separator.mark) + 1
    try:
        return len(next(csv.reader([line], delimiter=separator.mark), []))
    except csv.Error:  # a field beyond the module's limit
        return line.count(separator.mark) + 1
