"""Figures by label, and the confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.report import counts
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render
from hfdl.report.sections.headline import MULTI, SINGLE

if TYPE_CHECKING:
    from markupsafe import Markup

MATRIX_LABELS = 20
"""Labels beyond which a confusion matrix is no longer a picture; pairs are listed instead."""
PAIRS = 20
TABLE_LABELS = 40
WEAKEST = 20


def build_table(record: RunRecord) -> Section | None:
    """Precision, recall and F1 of each label."""
    if record.problem_type not in (SINGLE, MULTI):
        return None
    return by_split(record, "labels", "Labels", _table)


def build_confusion(record: RunRecord) -> Section | None:
    """The confusion matrix; of many labels, the most confused pairs."""
    if record.problem_type != SINGLE:
        return None
    return by_split(record, "confusion", "Confusions", _confusion)


def _table(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    counted = counts.tally(rows, counts.complete_labels(record.labels, rows))
    figures = counts.label_figures(counted)
    weakest = None
    if len(figures) > TABLE_LABELS:
        measured = [row for row in figures if row.support and row.f1 is not None]
        weakest = sorted(measured, key=lambda row: (row.f1, row.label))[:WEAKEST]
    return render(
        "labels.html",
        rows=figures,
        weakest=weakest,
        averages=counts.averages(counted, several=record.problem_type == MULTI),
    )


def _confusion(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    labels = counts.complete_labels(record.labels, rows)
    matrix = counts.confusion(rows, labels)
    if len(labels) > MATRIX_LABELS:
        pairs = counts.confused_pairs(matrix, labels, PAIRS)
        wrong = int(matrix.sum() - np.trace(matrix))
        return render("pairs.html", pairs=pairs, wrong=wrong)
    return render("confusion.html", labels=labels, rows=_heat(matrix, labels))


def _heat(matrix: np.ndarray, labels: list[str]) -> list[dict[str, Any]]:
    heat = []
    for index, label in enumerate(labels):
        support = int(matrix[index].sum())
        cells = [
            {"count": count, "share": count / support if support else 0.0, "right": index == column}
            for column, count in enumerate(matrix[index].tolist())
        ]
        heat.append({"label": label, "support": support, "cells": cells})
    return heat
