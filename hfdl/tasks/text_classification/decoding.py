"""Decoding logits to labels, lists of labels or numbers, and their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from hfdl.metrics import multi_label_metrics, regression_metrics, single_label_metrics
from hfdl.tasks.protocol import Prediction
from hfdl.tasks.text_classification.data import MULTI, REGRESSION, SINGLE
from hfdl.tasks.text_classification.thresholds import THRESHOLD, Thresholds

FUNCTIONS = {SINGLE: "softmax", MULTI: "sigmoid", REGRESSION: "none"}
"""What transformers' pipeline applies to logits, by the problem's type."""
METRIC_NAMES = {
    SINGLE: ["accuracy", "f1", "precision", "recall", "matthews_correlation"],
    MULTI: ["accuracy", "f1", "precision", "recall", "f1_macro"],
    REGRESSION: ["mse", "mae", "r_squared", "pearsonr", "spearmanr"],
}
"""What ``answer_metrics`` gives."""
BEST_METRICS = {SINGLE: ("accuracy", True), MULTI: ("f1", True), REGRESSION: ("mse", False)}
"""The metric that picks the best weights, and whether more of it is better."""
MEANS = {
    SINGLE: "macro averages leave out a label that is neither true nor predicted",
    MULTI: "f1_macro counts a label that is never true as 0",
}
"""What averages over labels make of one that a split lacks, as scikit-learn does."""


def scores_of_texts(
    logits: torch.Tensor, targets: Mapping[str, torch.Tensor], function: str
) -> torch.Tensor:
    """One row of scores for each text, the mean over its windows; shape (B, C).

    Args:
        logits: (R, C) of the rows of a batch.
        targets: of that batch: ``example`` (R,), the text of each row, and ``windows`` (B,), the
            number of rows of each text.
        function: ``softmax``, ``sigmoid`` or ``none``.
    """
    logits = logits.double()  # (R, C); double, so that equal texts get equal scores
    if function == "softmax":
        logits = logits.softmax(dim=-1)
    elif function == "sigmoid":
        logits = logits.sigmoid()
    windows = targets["windows"]  # (B,)
    sums = torch.zeros(len(windows), logits.shape[-1], dtype=logits.dtype, device=logits.device)
    sums.index_add_(0, targets["example"], logits)  # (R, C) -> (B, C)
    return sums / windows[:, None]


def answers_of_texts(
    scores: Sequence[Sequence[float]],
    names: Sequence[str],
    problem_type: str,
    thresholds: Thresholds | None = None,
) -> list[Prediction]:
    """``prediction`` (a label, a list of labels or a number), ``score`` and ``scores``.

    Args:
        scores: (B, C), as ``scores_of_texts`` gives them.
        names: of the C labels.
        problem_type: as in a transformers config.
        thresholds: from which score on each of several labels is given; None: ``THRESHOLD``.
    """
    if problem_type == REGRESSION:
        return [{"prediction": row[0], "score": row[0]} for row in scores]
    rows = [dict(zip(names, row, strict=True)) for row in scores]
    if problem_type == SINGLE:
        return [_one(row) for row in rows]
    least = dict(zip(names, thresholds or [THRESHOLD] * len(names), strict=True))
    return [_several(row, least) for row in rows]


def answer_metrics(
    predictions: Sequence[Prediction],
    references: Sequence[Any],
    names: Sequence[str],
    problem_type: str,
) -> dict[str, float]:
    """See ``hfdl.metrics``, by the problem's type."""
    guesses = [prediction["prediction"] for prediction in predictions]
    if problem_type == REGRESSION:
        return regression_metrics(references, guesses)
    ids = {name: i for i, name in enumerate(names)}
    if problem_type == SINGLE:
        return single_label_metrics(
            [ids[name] for name in references], [ids[name] for name in guesses], len(ids)
        )
    return multi_label_metrics(_indicator(references, ids), _indicator(guesses, ids))


def names_in(answers: Sequence[Any]) -> set[str]:
    """All labels of some right answers, which are names or lists of names."""
    return {name for each in answers for name in (each if isinstance(each, list) else [each])}


def _one(scores: dict[str, float]) -> Prediction:
    best = max(scores, key=scores.__getitem__)
    return {"prediction": best, "score": scores[best], "scores": scores}


def _several(scores: dict[str, float], least: dict[str, float]) -> Prediction:
    labels = [name for name, score in scores.items() if score >= least[name]]
    return {"prediction": labels, "score": max(scores.values()), "scores": scores}


def _indicator(answers: Sequence[Sequence[str]], ids: dict[str, int]) -> np.ndarray:
    """Lists of labels as 0/1, shape (N, C)."""
    table = np.zeros((len(answers), len(ids)), dtype=bool)
    for row, names in enumerate(answers):
        table[row, [ids[name] for name in names]] = True
    return table
