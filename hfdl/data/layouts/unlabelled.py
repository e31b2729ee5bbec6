"""Rows without a label: an empty cell, null, -1 of a Hub ClassLabel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hfdl.data.table import Table, counted
from hfdl.errors import DataError


def without_unlabelled(
    table: Table, columns: Sequence[str], *, blank_is_none: bool, are_bits: bool = False
) -> Table:
    """The rows that have a label in all columns; the others are counted.

    Args:
        table: the table.
        columns: of labels; those that the table lacks are not looked at.
        blank_is_none: whether an empty text is no label. (In a cell of several labels it means
            that none of them holds.)
        are_bits: whether the columns hold 0 and 1, and -1 is neither.

    Raises:
        DataError: no row is left.
    """
    held = [name for name in columns if name in table.columns]
    missing = {
        row
        for name in held
        for row, cell in enumerate(table.columns[name])
        if _is_missing(cell, name in (table.label_names or {}), blank_is_none)
        or (are_bits and _is_unscored(cell))
    }
    if not missing:
        return table
    if len(missing) == len(table):
        raise DataError(
            f"no row has a label (column {', '.join(map(repr, held))})",
            where=table.source,
            rule="data.unlabelled=skip leaves out rows without one, and that is all of them",
            remedy="name the column that holds labels: data.label=COLUMN",
        )
    rows = counted(len(missing), "row")
    note = f"{rows} without a label left out (first: {table.place(min(missing))})"
    return table.select([row for row in range(len(table)) if row not in missing]).noted(note)


def _is_unscored(cell: Any) -> bool:
    """Whether a cell of a 0/1 column is -1: nobody scored the row, as in test labels of Kaggle."""
    return str(cell).strip() in ("-1", "-1.0")


def _is_missing(cell: Any, declared: bool, blank_is_none: bool) -> bool:
    if cell is None or cell != cell:  # NaN
        return True
    if isinstance(cell, str):
        return blank_is_none and not cell.strip()
    return declared and cell == -1
