"""How far chance moves a run's main figure: 95 % intervals of accuracy, and of entities' F1.

The report and the command line both take them from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.report.counts import f1_interval, is_right, wilson
from hfdl.report.guess import MULTI, SINGLE
from hfdl.report.record import RunRecord
from hfdl.report.sections.tagged import read_sentences


@dataclass(frozen=True)
class Interval:
    """A metric on one split, and where it would lie 19 times in 20 on other such examples."""

    split: str
    metric: str
    value: float
    low: float
    high: float


WIDTH = 80
"""Columns of a line of intervals: a terminal's usual width."""


def interval_lines(intervals: Sequence[Interval], width: int = WIDTH) -> list[str]:
    """The intervals for a person: a line for each metric, or for each split where one is too long.

    The figures themselves are left out: a table above the lines has them.
    """
    lines = []
    for metric in dict.fromkeys(one.metric for one in intervals):
        ends = [f"{one.split} {one.low:.4f} to {one.high:.4f}" for one in intervals
                if one.metric == metric]  # fmt: skip
        whole = f"95 % interval of {metric}: {', '.join(ends)}"
        apart = [f"95 % interval of {metric}: {one}" for one in ends]
        lines += [whole] if len(whole) <= width else apart
    return lines


def intervals(record: RunRecord) -> list[Interval]:
    """The interval on each split that has one, in the order of the report."""
    found = []
    for split in record.splits:
        for metric in _INTERVALS:
            if (ends := interval_of(record, split, metric)) is not None:
                found.append(Interval(split, metric, record.metrics[split][metric], *ends))
    return found


def interval_of(record: RunRecord, split: str, metric: str) -> tuple[float, float] | None:
    """The 95 % interval of a metric on a split; None where there is no way to compute it."""
    return _INTERVALS[metric](record, split) if metric in _INTERVALS else None


def _of_accuracy(record: RunRecord, split: str) -> tuple[float, float] | None:
    """Wilson's 95 % interval, where the split's accuracy is the share of right predictions."""
    stated = record.metrics[split].get("accuracy")
    rows = record.on(split)
    if record.problem_type not in (SINGLE, MULTI) or stated is None or not rows:
        return None
    right = sum(is_right(row) for row in rows)
    # Another kind of accuracy (by token, by label) has another kind of interval.
    return wilson(right, len(rows)) if abs(right / len(rows) - stated) < 1e-4 else None


def _of_entities(record: RunRecord, split: str) -> tuple[float, float] | None:
    """The 95 % interval of entities' F1 where the split's F1 is that of the saved predictions."""
    stated = record.metrics[split].get("f1")
    if record.spec.rows != "entities" or stated is None:
        return None
    sentences = read_sentences(record.on(split), record.labels)
    counts = np.array(
        [
            [len({*one.true} & {*one.predicted}), len({*one.predicted}), len({*one.true})]
            for one in sentences
        ]
    ).reshape(-1, 3)
    hits, predicted, true = counts.sum(axis=0).tolist()
    found = 2 * hits / (predicted + true) if predicted + true else 0.0
    return f1_interval(counts) if abs(found - stated) < 1e-4 else None


_INTERVALS = {"accuracy": _of_accuracy, "f1": _of_entities}
