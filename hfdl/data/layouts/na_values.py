"""Labels that the recipe calls missing (``data.na_values``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from hfdl.data.label_values import label_text
from hfdl.data.table import Table


def with_na_values(
    table: Table, columns: Sequence[str], values: Collection[str], separator: str | None = None
) -> Table:
    """The table with None in the place of cells that mean that there is no label.

    Of several labels in a cell those values are left out, and a cell of nothing else is None.

    Args:
        table: the table.
        columns: of labels; those that the table lacks are not looked at.
        values: what those cells hold, numbers as text.
        separator: of several labels in a text.
    """
    for name in columns:
        if values and name in table.columns:
            names = (table.label_names or {}).get(name) or ()
            cells = [_without(cell, values, names, separator) for cell in table.columns[name]]
            table = replace(table, columns={**table.columns, name: cells})
    return table


def _without(
    cell: Any, values: Collection[str], names: Sequence[str], separator: str | None
) -> Any:
    if isinstance(cell, str) and separator and separator in cell:
        parts = cell.split(separator)
        kept = [part for part in parts if not _is_na(part, values, names)]
        return cell if len(kept) == len(parts) else separator.join(kept) if kept else None
    if isinstance(cell, list | tuple):
        kept = [part for part in cell if not _is_na(part, values, names)]
        return cell if len(kept) == len(cell) else kept or None
    return None if _is_na(cell, values, names) else cell


def _is_na(cell: Any, values: Collection[str], names: Sequence[str]) -> bool:
    if names and type(cell) is int and 0 <= cell < len(names) and names[cell] in values:
        return True
    try:
        text = label_text(cell)
    except TypeError:
        return False
    return text is not None and (text in values or text.strip() in values)
