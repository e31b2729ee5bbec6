"""Figures that are counted from predictions: tables of labels, confusions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Ends = tuple[float, float]

Z95 = 1.959963984540054
"""Quantile of the normal distribution that leaves 2.5 % on either side."""


def wilson(successes: float, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval for a share (95 % by default).

    Unlike ``p ± z·sqrt(p(1-p)/n)`` it stays within [0, 1] and does not shrink to nothing where
    all or none succeeded.
    """
    if total <= 0:
        return 0.0, 1.0
    share = successes / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total)
    half *= math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    # With none or all right the ends are exactly 0 or 1, which rounding would miss.
    low = middle - half if successes > 0 else 0.0
    return max(0.0, low), min(1.0, middle + half) if successes < total else 1.0


RESAMPLES = 1000
"""Samples of the bootstrap: their percentiles settle at about that many."""


def f1_interval(counts: np.ndarray, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of a micro F1, by drawing the examples again (percentile bootstrap).

    Args:
        counts: of each example its hits, predicted and true items, shape (N, 3).
        seed: of the draws: the same report from the same files.
    """
    total = len(counts)
    if total < 2 or not counts.any():
        return None
    # Most sentences share their three numbers: how often each kind is drawn is all that counts.
    kinds, often = np.unique(counts, axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(total, often / total, size=RESAMPLES) @ kinds
    hits, items = 2 * drawn[:, 0], drawn[:, 1] + drawn[:, 2]
    scores = np.divide(hits, items, out=np.zeros(len(hits)), where=items > 0)
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True)
class Tally:
    """How often each label was right, was predicted and was true; arrays of shape (C,)."""

    labels: list[str]
    hits: np.ndarray
    predicted: np.ndarray
    support: np.ndarray


@dataclass(frozen=True)
class LabelFigures:
    """Precision, recall and F1 of one label or of an average. None: nothing to divide by.

    Args:
        precision_ends, recall_ends, f1_ends: their 95 % intervals; None where there is none.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    predicted: int
    precision_ends: Ends | None = None
    recall_ends: Ends | None = None
    f1_ends: Ends | None = None


def complete_labels(labels: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[str]:
    """The label set, followed by other labels that the predictions name."""
    seen = {
        str(name) for row in rows for key in ("label", "prediction") for name in _names(row[key])
    }
    return [*labels, *sorted(seen - set(labels))]


def confusion(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> np.ndarray:
    """Counts of shape (C, C): row = true label, column = predicted label."""
    position = {label: index for index, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for row in rows:
        matrix[position[str(row["label"])], position[str(row["prediction"])]] += 1
    return matrix


def tally(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> Tally:
    """Counts for each label. An example may have one label, several or none."""
    position = {label: index for index, label in enumerate(labels)}
    hits, predicted, support = np.zeros((3, len(labels)), dtype=np.int64)
    for row in rows:
        true, said = set(_names(row["label"])), set(_names(row["prediction"]))
        for counts, names in ((support, true), (predicted, said), (hits, true & said)):
            for name in names:
                counts[position[name]] += 1
    return Tally(list(labels), hits, predicted, support)


def label_figures(counted: Tally) -> list[LabelFigures]:
    """The figures of each label, in the order of the labels."""
    columns = zip(
        counted.labels,
        counted.hits.tolist(),
        counted.predicted.tolist(),
        counted.support.tolist(),
        strict=True,
    )
    return [_figures(*column) for column in columns]


def averages(counted: Tally, *, several: bool) -> list[LabelFigures]:
    """Macro and weighted averages as scikit-learn counts them; nothing to divide by counts as 0.

    Args:
        counted: the counts of each label.
        several: an example may have several labels. Then there is a micro average, which with one
            label an example is just the accuracy, and a label that is neither true nor predicted
            anywhere takes part in the macro average.
    """
    rows = [row for row in label_figures(counted) if several or row.support or row.predicted]
    support = sum(row.support for row in rows)
    predicted = sum(row.predicted for row in rows)
    means: list[LabelFigures] = []
    if several:
        means.append(_figures("micro average", int(counted.hits.sum()), predicted, support))
    weights = {
        "macro average": [1.0 for _ in rows],
        "weighted average": [float(row.support) for row in rows],
    }
    for name, weight in weights.items():
        if sum(weight):
            precision, recall, f1 = (
                float(np.average([value or 0.0 for value in values], weights=weight))
                for values in zip(*((r.precision, r.recall, r.f1) for r in rows), strict=True)
            )
            means.append(LabelFigures(name, precision, recall, f1, support, predicted))
    return means


def confused_pairs(matrix: np.ndarray, labels: Sequence[str], most: int) -> list[dict[str, Any]]:
    """The most frequent confusions: true label, predicted label, count, share of the true label."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    support = np.maximum(matrix.sum(axis=1), 1)
    pairs = [
        {
            "true": labels[row],
            "predicted": labels[column],
            "count": int(wrong[row, column]),
            "share": float(wrong[row, column] / support[row]),
        }
        for row, column in np.argwhere(wrong)
    ]
    pairs.sort(key=lambda pair: (-pair["count"], -pair["share"], pair["true"], pair["predicted"]))
    return pairs[:most]


def is_right(row: dict[str, Any]) -> bool:
    """Whether the prediction is the label; of several labels, whether all of them are right."""
    return set(_names(row["label"])) == set(_names(row["prediction"]))


def _figures(label: str, hits: int, predicted: int, support: int) -> LabelFigures:
    return LabelFigures(
        label=label,
        precision=hits / predicted if predicted else None,
        recall=hits / support if support else None,
        f1=2 * hits / (predicted + support) if predicted + support else None,
        support=support,
        predicted=predicted,
        precision_ends=wilson(hits, predicted) if predicted else None,
        recall_ends=wilson(hits, support) if support else None,
        f1_ends=_f1_ends(hits, predicted + support - hits),
    )


def _f1_ends(hits: int, concerned: int) -> Ends | None:
    """F1 of one label is 2J / (1 + J), J the hits' share of all examples that have the label or
    were given it: the ends of Wilson's interval of J give those of F1.
    """
    if not concerned:
        return None
    low, high = wilson(hits, concerned)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]
