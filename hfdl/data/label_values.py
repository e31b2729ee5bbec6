"""Reading label cells: names, lists and 0/1 columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import shape
from hfdl.data.no_label import left_out, means_none
from hfdl.data.table import Table
from hfdl.errors import DataError

_INTEGER = re.compile(r"[+-]?[0-9]+")
_BITS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}


def label_text(value: Any) -> str | None:
    """A label as its name: 1 and 1.0 are ``"1"``, True is ``"True"``, a string is itself.

    Returns:
        None where there is no label: None, NaN or a string that shows nothing.

    Raises:
        TypeError: a list, a dict or anything else that is not one label.
    """
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return value if (value.strip() if value.isascii() else shape(value)) else None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | int | float):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no label")


def label_texts(values: Sequence[Any], table: Table, column: str = "label") -> list[str]:
    """The labels of a split as names, integers of a Hub ``ClassLabel`` included.

    Args:
        values: the label column of ``table``.
        table: where the rows come from, for messages and for ``label_names``.
        column: the column's name.

    Raises:
        DataError: a row without a label (for ``ClassLabel`` also -1), or a value that is no
            label; the message gives the row's place.
    """
    declared = (table.label_names or {}).get(column)
    return [_text(value, row, table, column, declared) for row, value in enumerate(values)]


def natural_sort(names: set[str]) -> tuple[str, ...]:
    """Labels in their default order: by number if all are integers, else as strings."""
    if all(_INTEGER.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def first_place(name: str, table: Table, config: DataConfig) -> str | None:
    """The place of the first row that has a label, as the file writes it; None where none has."""
    for row, cell in enumerate(label_cells(table, config)):
        for part in split_labels(cell, config.label_separator) or ():
            try:
                found = label_text(part) == name
            except TypeError:
                continue
            if found:
                return table.where(row)
    return None


def columns_to_lists(table: Table, names: Sequence[str], config: DataConfig) -> list[list[str]]:
    """Several 0/1 columns as a list of labels a row: the names of the columns that are 1.

    Raises:
        DataError: no such column, or a value other than 0, 1, True and False, with its place.
    """
    columns = [table.column(name, "data.label") for name in names]
    rows: list[list[str]] = []
    for row in range(len(table)):
        cells = zip(names, columns, strict=True)
        rows.append([name for name, column in cells if _bit(column[row], row, table, name, config)])
    return rows


def label_cells(table: Table, config: DataConfig) -> Sequence[Any]:
    """One value a row: a label, a list of labels, or a number, as the file has it.

    Raises:
        DataError: no such column, or see ``columns_to_lists``.
    """
    if isinstance(config.label, list):
        return columns_to_lists(table, config.label, config)
    return table.column(config.label, "data.label")


def label_column(config: DataConfig) -> str:
    """The label column as messages name it; several columns are one name."""
    return config.label if isinstance(config.label, str) else ", ".join(config.label)


def split_labels(value: Any, separator: str | None) -> list[Any] | None:
    """The labels of a multi-label cell, blanks around them removed.

    A list is itself. A string is split at the separator, and the empty string has no labels;
    without a separator a string or a number is one label.

    Returns:
        None for None: an unlabelled row, which is not the same as an empty list.
    """
    if value is None or isinstance(value, list | tuple):
        return None if value is None else list(value)
    if isinstance(value, str):
        parts = value.split(separator) if separator else [value]
        return [part.strip() for part in parts if part.strip()]
    return [value]


def _text(value: Any, row: int, table: Table, column: str, declared: Sequence[str] | None) -> str:
    if declared is not None and isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < len(declared):
            return declared[value]
        text = None if value == -1 else str(value)
    else:
        try:
            text = label_text(value)
        except TypeError as error:
            raise DataError(
                f"{error}: {str(value)[:60]}",
                where=table.where(row),
                rule=f"column {column!r} holds one label a row",
                remedy=_remedy(value, column),
            ) from None
    if text is None:
        raise missing_label(table, row, column)
    return text


def _remedy(value: Any, column: str) -> str:
    """What to do about a cell that is no label: of an object, which of its keys may hold one."""
    if isinstance(value, list | tuple):
        if len(value) == 1:
            return "lists of one label need data.problem_type=single_label_classification"
        return "several labels a row need data.problem_type=multi_label_classification"
    if not isinstance(value, Mapping):
        return (
            "write labels as texts or numbers, or name another column of labels: data.label=COLUMN"
        )
    keys = [key for key, part in value.items() if isinstance(part, str | int | float)]
    if not keys:
        return "write the label itself"
    key = as_override("data.label", f"{column}.{keys[0]}")
    return f"name the key that holds the label: {key}"


def missing_label(table: Table, row: int, column: str) -> DataError:
    """The error for a row without a label."""
    return DataError(
        f"row has no label (column {column!r} is empty)",
        where=table.where(row),
        rule="every row needs one",
        remedy="add the label or remove the row; data.unlabelled=skip leaves such rows out",
    )


def _bit(value: Any, row: int, table: Table, name: str, config: DataConfig) -> bool:
    bit = _BITS.get(str(value).strip().casefold())
    if bit is not None:
        return bit
    text = str(value).strip()
    if value is None or value != value or not text:
        raise missing_label(table, row, name)
    remedy = "one column that holds label names is data.label=COLUMN"
    if text in ("-1", "-1.0"):
        remedy = "rows that nobody scored (-1) are left out with data.unlabelled=skip"
    elif means_none(text):
        remedy = f"if nobody scored the row: {left_out([text], config)}"
    raise DataError(
        f"{value!r} in label column {name!r}",
        where=table.where(row),
        rule="a list of label columns holds 0 or 1 (or True or False) a row",
        remedy=remedy,
    )
