"""Labels that are numbers, and the problem type that labels imply."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.label_values import label_column, label_text, missing_label
from hfdl.data.no_label import left_out
from hfdl.data.number_marks import writings
from hfdl.data.table import Table
from hfdl.errors import DataError

_OTHERS = 4
"""Most values of a column of numbers that a remedy leaves out."""


def numbers(values: Sequence[Any], table: Table, config: DataConfig) -> list[float]:
    """The targets of a regression.

    Raises:
        DataError: no number, not finite, or none at all, with the row's place.
    """
    targets: list[float] = []
    for row, value in enumerate(values):
        found = number(value)
        if found is None or not math.isfinite(found):
            raise _no_target(value, row, values, table, config)
        targets.append(found)
    return targets


def _no_target(
    value: Any, row: int, values: Sequence[Any], table: Table, config: DataConfig
) -> DataError:
    column = label_column(config)
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        return missing_label(table, row, column)
    remedy = "fix the row; labels that are names need data.problem_type=single_label_classification"
    if _text(value) is None:  # a date, a list: no label of any kind
        remedy = "write the numbers, or name another column of them: data.label=COLUMN"
    not_finite = number(value) is not None
    others = [other for other in values if not _is_target(other)]
    names = list(dict.fromkeys(text for other in others if (text := _text(other))))
    if names and len(names) <= _OTHERS and len(others) < len(values) / 2:
        which = "it means" if len(names) == 1 else f"{', '.join(map(repr, names))} mean"
        remedy = f"fix the row; if {which} that there is no label: {left_out(names, config)}"
    if found := writings(cell for cell in values if isinstance(cell, str)):
        ways = " or ".join(marks.shown(str(value)) for marks in found)
        remedy = f"it may be {ways}: write it as one of these"
        if len(found) == 1:
            remedy = f"set data.problem_type=regression, which reads it as {ways}"
    return DataError(
        f"{value!r} in column {column!r} is {'not finite' if not_finite else 'not a number'}",
        where=table.where(row),
        rule="a regression target is a finite number",
        remedy=remedy,
    )


def _is_target(value: Any) -> bool:
    found = number(value)
    return found is not None and math.isfinite(found)


def _text(value: Any) -> str | None:
    try:
        return label_text(value)
    except TypeError:
        return None


def number(value: Any) -> float | None:
    """The number that a cell is; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and "_" in value:
        return None  # Python reads 1_000 as a number; in a file it is a text
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def infer_problem_type(values: Sequence[Any]) -> str:
    """The problem type that labels look like; None and blank strings are ignored.

    Returns:
        ``multi_label_classification`` if one is a list, ``regression`` if all are numbers and one
        of them has a fraction, else ``single_label_classification``.
    """
    if any(isinstance(value, list | tuple) for value in values):
        return "multi_label_classification"
    parsed = [number(value) for value in values if value is not None and str(value).strip()]
    numbers = [number for number in parsed if number is not None]
    fraction = any(math.isfinite(number) and not number.is_integer() for number in numbers)
    if fraction and len(numbers) == len(parsed):
        return "regression"
    return "single_label_classification"


def problem_type(config: DataConfig, table: Table) -> str:
    """The problem type that the recipe names or its label keys imply, else what the values say.

    Raises:
        DataError: no such label column.
    """
    if config.problem_type is not None:
        return config.problem_type
    if isinstance(config.label, list) or config.label_separator is not None:
        return "multi_label_classification"
    return infer_problem_type(table.column(config.label, "data.label"))
