"""What a person should know of the cells of a csv file: line breaks in them, unnamed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hfdl.data.readers.csv_header import Separator
from hfdl.data.table import counted


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
        (cell.count("\n"), lines[row], cell)
        for values in columns.values()
        for row, cell in enumerate(values)
        if "\n" in cell
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
    inner = cell.split("\n")[1:-1]
    like_rows = [line for line in inner if line.count(separator.mark) == width - 1]
    return len(inner) if width > 1 and len(like_rows) == len(inner) else 0
