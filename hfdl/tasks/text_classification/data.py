"""Reading labelled texts: texts, labels and targets from tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hfdl.config.schema import DataConfig
from hfdl.data.label_numbers import infer_problem_type, numbers
from hfdl.data.label_values import label_cells, label_column
from hfdl.data.labels import LabelSet, label_ids, training_labels
from hfdl.data.table import Table
from hfdl.errors import ConfigError
from hfdl.tasks.tables import text_column

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"


def texts(table: Table, config: DataConfig) -> list[str]:
    """Every text of a table, the second ones of pairs behind the first ones."""
    firsts = text_column(table, config.text, "data.text")
    if config.text_pair is None:
        return firsts
    return firsts + text_column(table, config.text_pair, "data.text_pair")


def strata(table: Table, config: DataConfig) -> list[str] | None:
    """What a split should keep the proportions of: the label of each row, unless it is a number."""
    values = label_cells(table, config)
    if config.problem_type == REGRESSION or infer_problem_type(values) == REGRESSION:
        return None
    return [str(value) for value in values]


def label_set(train: Table, config: DataConfig, problem_type: str) -> LabelSet:
    """The labels of a training split, or those that the recipe gives.

    For a regression it is the one name of the number: the label column's.
    """
    if isinstance(config.label, list) and problem_type != MULTI:
        one = "a regression has one number a row"
        raise ConfigError(
            one if problem_type == REGRESSION else f"with {problem_type} a row has one label",
            where="data.label",
            rule="several columns are several labels",
            remedy="name one column: data.label=COLUMN, or set "
            "data.problem_type=multi_label_classification",
        )
    if problem_type == REGRESSION:
        return LabelSet((label_column(config),))
    return training_labels(train, config, many=problem_type == MULTI)


def targets(
    table: Table, config: DataConfig, labels: LabelSet, problem_type: str, split: str
) -> tuple[list[Any], np.ndarray]:
    """The right answers as names (or numbers), and as the array that the loss takes.

    Returns:
        answers of length N, and (N,) int64 ids, (N, C) float32 of 0 and 1, or (N,) float32.
    """
    if problem_type == REGRESSION:
        answers = numbers(label_cells(table, config), table, config)
        return answers, np.array(answers, dtype=np.float32)
    rows = label_ids(table, config, labels, split, many=problem_type == MULTI)
    if problem_type == SINGLE:
        return [labels.names[i] for (i,) in rows], np.array([i for (i,) in rows], dtype=np.int64)
    indicator = np.zeros((len(rows), len(labels.names)), dtype=np.float32)  # (N, C)
    for row, ids in enumerate(rows):
        indicator[row, ids] = 1.0
    return [[labels.names[i] for i in ids] for ids in rows], indicator


def positive_weights(targets: np.ndarray) -> torch.Tensor:
    """The balanced weight of each label's positives, negatives / positives; shape (C,).

    Args:
        targets: (N, C) of 0 and 1.
    """
    positives = targets.sum(axis=0)  # (C,)
    weights = [float((len(targets) - p) / p) if p else 1.0 for p in positives]
    return torch.tensor(weights, dtype=torch.float32)
