"""What a saved model answers with - a label, several, a number - met with what the data hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.label_numbers import numbers
from hfdl.data.label_values import label_cells
from hfdl.data.table import Table
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.text_classification.data import MULTI, REGRESSION, SINGLE

_ANSWERS = {SINGLE: "one label", MULTI: "any number of labels", REGRESSION: "a number"}

_OF_TRAINING = f"data.problem_type={SINGLE}"
"""What a saved model cannot be told."""


def kind_of(config: Any) -> str | None:
    """A saved model's problem type; None where its config says none and has several labels."""
    return config.problem_type or (REGRESSION if config.num_labels == 1 else None)


def change_of_kind(config: Any, kind: str) -> list[str]:
    """A line where a model with a trained head is trained for answers of another kind.

    Args:
        config: the saved model's.
        kind: the problem type that it is trained for.
    """
    before = kind_of(config)
    if before is None or before == kind:
        return []
    keep = f"; data.problem_type={MULTI} keeps it" if (before, kind) == (MULTI, SINGLE) else ""
    return [
        f"the model gave {_ANSWERS[before]} a text ({before}), and is trained and measured here "
        f"for {_ANSWERS[kind]} ({kind}){keep}"
    ]


def refuse_other_kind(kind: str, config: DataConfig) -> None:
    """Refuse to evaluate a saved model as what it is not.

    Raises:
        ConfigError: ``data.problem_type`` is another.
    """
    if config.problem_type not in (None, kind):
        raise ConfigError(
            f"{config.problem_type} is asked for, and the model is one of {kind}",
            where="data.problem_type",
            rule="a saved model answers as its config.json says",
            remedy="leave data.problem_type out",
        )


def refuse_names(tables: Mapping[str, Table], config: DataConfig) -> None:
    """Refuse names of labels as the right answers of a model that gives a number.

    Raises:
        DataError: the first of them, with its place.
    """
    for table in tables.values():
        try:
            numbers(label_cells(table, config), table, config)
        except DataError as error:
            if _OF_TRAINING not in (error.remedy or ""):
                raise
            raise DataError(
                error.problem,
                where=error.where,
                rule="the model answers with a number (problem_type regression, or one label "
                "alone, in its config.json)",
                remedy="name the column of the numbers: data.label=COLUMN; labels need a model "
                "that was trained for labels",
            ) from None


def one_label_each(splits: Iterable[Sequence[Any]]) -> list[str]:
    """A line where a model of any number of labels is measured on rows of one."""
    rows = [answer for answers in splits for answer in answers]
    if not rows or any(len(answer) != 1 for answer in rows):
        return []
    return [
        f"the model gives {_ANSWERS[MULTI]} a text ({MULTI} in its config.json): its figures are "
        "of that kind, though every row has one"
    ]
