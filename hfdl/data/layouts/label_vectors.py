"""Vectors of 0 and 1 as labels: ``[1.0, 0.0, 0.0]``, as transformers' Trainer takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.label_values import split_labels
from hfdl.data.layouts.label_cells import chosen
from hfdl.data.layouts.written_lists import with_label_lists
from hfdl.data.table import Table
from hfdl.errors import DataError

_BIT_TEXTS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}
_WRITTEN = re.compile(r"[01](?:\.0)?(?:([ ,;|/-])[01](?:\.0)?)(?:\1[01](?:\.0)?)+")
_SHOWN = 12
_RULE = "a vector of labels has one number a label: 1 where it holds, 0 where not"
_AS_LABELS = "set data.label_vectors=false to read the numbers as labels"
_SOFT = "write 1 where a label holds and 0 where not (hfdl trains on no shares of labels)"


def with_label_vectors(tables: Mapping[str, Table], config: DataConfig) -> dict[str, Table]:
    """The splits, vectors of 0 and 1 in the label column turned into lists of label names.

    The names are those of ``data.labels``, in its order, else ``0``, ``1``, ... Lists of numbers
    are vectors where a list of labels cannot look so: one repeats 0 or 1, or has ``1.0`` or
    ``true``, or ``data.labels`` gives as many names. All splits are read alike.

    Raises:
        DataError: a row that is no such vector among others that are; fractions; lists that may be
            either (``[0, 1]`` and ``[1, 0]`` alone); with its place and the key that decides.
    """
    column = config.label
    held = isinstance(column, str) and all(column in table.columns for table in tables.values())
    is_off = config.label_vectors is False or config.problem_type == "regression"
    if not isinstance(column, str) or not held or is_off:
        return dict(tables)
    read = {split: _with_items(table, column, config) for split, table in tables.items()}
    if not config.label_vectors and next(_lists(read, column), None) is None:
        return {split: table.noted(_hint(table, column)) for split, table in tables.items()}
    if not _are_vectors(read, column, config):
        return dict(tables)
    names = _names(read, column, config)
    return {split: _named(table, column, names) for split, table in read.items()}


def _with_items(table: Table, column: str, config: DataConfig) -> Table:
    """The table with lists in its label column, where it holds or writes any."""
    separator = config.label_separator
    if separator is None:
        table = with_label_lists(table, column)
    cells = [chosen(cell) for cell in table.columns[column]]
    if separator is not None:
        cells = [split_labels(c, separator) if isinstance(c, str) else c for c in cells]
    return replace(table, columns={**table.columns, column: [_plain(cell) for cell in cells]})


def _plain(cell: Any) -> Any:
    """NumPy's numbers in a list as Python's."""
    if not isinstance(cell, list | tuple):
        return cell
    return [item.item() if hasattr(item, "item") else item for item in cell]


def _lists(tables: Mapping[str, Table], column: str) -> Iterator[tuple[Table, int, list[Any]]]:
    for table in tables.values():
        for row, cell in enumerate(table.columns[column]):
            if isinstance(cell, list):
                yield table, row, cell


def _are_vectors(tables: Mapping[str, Table], column: str, config: DataConfig) -> bool:
    if config.label_vectors:
        return True
    rows = list(_lists(tables, column))
    _refuse_fractions(rows, column)
    if any(column in (table.label_names or {}) for table in tables.values()):
        return False  # ids of a Hub ClassLabel
    if any(_is_evidence(cell) for _, _, cell in rows):
        return True
    if not all(len(cell) == len(rows[0][2]) > 1 and _bits(cell) for _, _, cell in rows):
        return False
    named = config.labels if isinstance(config.labels, list) else []
    if {"0", "1"} & set(named):
        return False
    if len(named) == len(rows[0][2]):
        return True
    table, row, cell = rows[0]
    raise DataError(
        f"{cell} in column {column!r} may be a vector of two labels or the labels 0 and 1",
        where=table.where(row),
        rule="all rows are [0, 1] or [1, 0], which fits both",
        remedy="set data.label_vectors=true for vectors, data.label_vectors=false for labels",
    )


def _is_evidence(cell: Sequence[Any]) -> bool:
    """Whether a list is a vector for certain: a list of labels never repeats one."""
    values = [_bit(item) for item in cell]
    if values.count(0) > 1 or values.count(1) > 1:
        return True
    return bool(cell) and None not in values and any(isinstance(i, float | bool) for i in cell)


def _bits(cell: Sequence[Any]) -> list[int] | None:
    values = [_bit(item) for item in cell]
    return None if None in values else [value for value in values if value is not None]


def _bit(item: Any) -> int | None:
    if isinstance(item, str):
        return _BIT_TEXTS.get(item.strip())
    return int(item) if isinstance(item, bool | int | float) and item in (0, 1) else None


def _refuse_fractions(rows: Sequence[tuple[Table, int, list[Any]]], column: str) -> None:
    for table, row, cell in rows:
        odd = [x for x in cell if isinstance(x, float) and not x.is_integer()]
        if odd and all(isinstance(item, int | float) for item in cell):
            raise DataError(
                f"{odd[0]} in a list of column {column!r}",
                where=table.where(row),
                rule=_RULE,
                remedy=f"{_SOFT}, or {_AS_LABELS}",
            )


def _names(tables: Mapping[str, Table], column: str, config: DataConfig) -> list[str]:
    """The name of each place of the vectors."""
    size = _size(tables, column)
    if isinstance(config.labels, list):
        if len(config.labels) != size:
            own = [*config.labels, *map(str, range(len(config.labels), size))][:size]
            raise DataError(
                f"{len(config.labels)} names for vectors of {size} labels (column {column!r})",
                where="data.labels",
                rule="each place of a vector has one name",
                remedy=f"for instance {as_override('data.labels', own)}",
            )
        return config.labels
    declared = next(iter(tables.values())).label_names or {}
    names = list(declared.get(column, ()))
    return names if len(names) == size else [str(i) for i in range(size)]


def _size(tables: Mapping[str, Table], column: str) -> int:
    """The length of all vectors.

    Raises:
        DataError: a row that is none, or of another length.
    """
    size = None
    for table in tables.values():
        for row, cell in enumerate(table.columns[column]):
            if cell is None:
                continue
            bits = _bits(cell) if isinstance(cell, list) and cell else None
            if bits is not None and size is None:
                size = len(bits)
            if bits is None or len(bits) != size:
                raise _no_vector(table, row, cell, column, size if bits else None)
    return size or 0


def _no_vector(table: Table, row: int, cell: Any, column: str, size: int | None) -> DataError:
    shown = f"{cell!r:.60}"
    why = f"has {len(cell)} numbers, and others have {size}" if size else "is no vector of 0 and 1"
    return DataError(
        f"{shown} in column {column!r} {why}",
        where=table.where(row),
        rule=f"{_RULE}; other rows are vectors",
        remedy=f"fix the row, or {_AS_LABELS}",
    )


def _named(table: Table, column: str, names: Sequence[str]) -> Table:
    """The table with the names of the labels that hold in each row."""
    cells = [
        None
        if cell is None
        else [n for n, bit in zip(names, _bits(cell) or (), strict=True) if bit]
        for cell in table.columns[column]
    ]
    more = f", ... ({len(names)} labels)" if len(names) > _SHOWN else ""
    table = replace(
        table,
        columns={**table.columns, column: cells},
        label_names={**(table.label_names or {}), column: list(names)},
    )
    return table.noted(
        f"column {column!r} holds vectors of 0 and 1, read as the labels "
        f"{', '.join(names[:_SHOWN])}{more}"
        + ("; data.labels names them" if names[0] == "0" else "")
    )


def _hint(table: Table, column: str) -> str | None:
    """A line about vectors that a text file writes without brackets."""
    cells = [cell for cell in table.columns[column] if cell is not None]
    found = [_WRITTEN.fullmatch(cell) if isinstance(cell, str) else None for cell in cells]
    marks = {match[1] if match else None for match in found}
    if len(marks) != 1 or None in marks:
        return None
    key = as_override("data.label_separator", str(marks.pop()))
    return f"column {column!r} holds texts such as {cells[0]!r}; {key} reads them as vectors"
