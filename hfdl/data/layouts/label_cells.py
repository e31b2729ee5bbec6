"""Label cells: Decimals, marked numbers, Label Studio's choices, lists of one label."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.number_marks import writings
from hfdl.data.table import Table
from hfdl.errors import DataError

SINGLE = "single_label_classification"


def with_plain_labels(table: Table, config: DataConfig, column: str) -> Table:
    """A table whose label column holds labels or lists of them.

    ``{"choices": [...]}`` is its list, in a csv file too. With
    ``data.problem_type=single_label_classification`` a list of one label is that label.

    Raises:
        DataError: several labels in a row, with that problem type.
    """
    cells = [chosen(cell) for cell in table.columns[column]]
    lists = [cell for cell in cells if isinstance(cell, list | tuple)]
    note = None
    if lists and config.problem_type == SINGLE:
        cells = [_one(cell, table, row, column) for row, cell in enumerate(cells)]
    elif lists and config.problem_type is None and all(map(_is_one_name, lists)):
        note = (
            f"each list of column {column!r} holds one label and is read as multi-label; "
            f"data.problem_type={SINGLE} reads it as a class"
        )
    return replace(table, columns={**table.columns, column: cells}).noted(note)


def with_decimals(table: Table, columns: Sequence[str]) -> Table:
    """A table whose cells of some columns are numbers where they are Decimals, as of databases."""
    for name in columns:
        cells = table.columns.get(name, ())
        if any(map(_has_decimal, cells)):
            read = [_without_decimal(cell) for cell in cells]
            table = replace(table, columns={**table.columns, name: read})
    return table


def with_plain_numbers(table: Table, column: str) -> Table:
    """A table whose column of targets has numbers as Python reads them.

    Decimal commas and marks between thousands are read where the column has one reading.
    """
    cells = table.columns.get(column, ())
    found = writings(cell for cell in cells if isinstance(cell, str))
    if len(found) != 1:
        return table
    example = next(c for c in cells if isinstance(c, str) and found[0].plain(c) != c.strip())
    read = [found[0].plain(cell) if isinstance(cell, str) else cell for cell in cells]
    note = f"{example!r} in column {column!r} is read as {found[0].shown(example)}"
    return replace(table, columns={**table.columns, column: read}).noted(note)


def _has_decimal(cell: Any) -> bool:
    return isinstance(cell, Decimal) or (
        isinstance(cell, list | tuple) and any(map(_has_decimal, cell))
    )


def _without_decimal(cell: Any) -> Any:
    """The number that a Decimal is, and those in lists; all else is itself."""
    if isinstance(cell, list | tuple):
        return [_without_decimal(part) for part in cell]
    if not isinstance(cell, Decimal):
        return cell
    is_whole = cell.is_finite() and cell == cell.to_integral_value()
    return int(cell) if is_whole else float("nan") if cell.is_nan() else float(cell)


def chosen(cell: Any) -> Any:
    """A cell without Label Studio's wrapping."""
    if isinstance(cell, str) and cell.startswith('{"choices"'):
        try:
            return chosen(json.loads(cell))
        except (ValueError, RecursionError):
            return cell
    if isinstance(cell, Mapping) and set(cell) == {"choices"}:
        return cell["choices"]
    return cell


def _is_one_name(cell: Any) -> bool:
    return len(cell) == 1 and isinstance(cell[0], str | int)


def _one(cell: Any, table: Table, row: int, column: str) -> Any:
    if not isinstance(cell, list | tuple):
        return cell
    if len(cell) > 1:
        raise DataError(
            f"{len(cell)} labels: {', '.join(map(str, cell))} (column {column!r})",
            where=table.where(row),
            rule="with data.problem_type=single_label_classification a row has one label",
            remedy="keep one, or set data.problem_type=multi_label_classification",
        )
    return cell[0] if cell else None
