"""Accuracy, precision, recall, F1 and Matthews correlation from counts.

Each equals scikit-learn's function of the same name with ``zero_division=0``. Averages over
labels are macro, which does not hide a label that is never predicted, for two labels as for
twenty. Labels that occur in neither array are left out of the average, as scikit-learn does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hfdl.errors import ConfigError, did_you_mean


def confusion_matrix(references: ArrayLike, predictions: ArrayLike, n_labels: int) -> np.ndarray:
    """Counts, shape (C, C): row = the right label, column = the predicted one."""
    truth = np.asarray(references, dtype=np.int64)
    guess = np.asarray(predictions, dtype=np.int64)
    flat = np.bincount(truth * n_labels + guess, minlength=n_labels * n_labels)
    return flat.reshape(n_labels, n_labels)  # (C, C)


def single_label_metrics(
    references: ArrayLike, predictions: ArrayLike, n_labels: int
) -> dict[str, float]:
    """Metrics of a single-label classifier.

    Args:
        references: right label ids, shape (N,).
        predictions: predicted label ids, shape (N,).
        n_labels: C, the number of labels.

    Returns:
        ``accuracy``; macro ``precision``, ``recall``, ``f1``; ``matthews_correlation``.
    """
    counts = confusion_matrix(references, predictions, n_labels)
    hits = np.diag(counts)
    precision, recall, f1 = _precision_recall_f1(hits, counts.sum(0), counts.sum(1))
    seen = (counts.sum(0) + counts.sum(1)) > 0
    return {
        "accuracy": ratio(float(hits.sum()), float(counts.sum())),
        "f1": float(f1[seen].mean()) if seen.any() else 0.0,
        "precision": float(precision[seen].mean()) if seen.any() else 0.0,
        "recall": float(recall[seen].mean()) if seen.any() else 0.0,
        "matthews_correlation": matthews_correlation(counts),
    }


def multi_label_metrics(references: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """Metrics of a multi-label classifier.

    Args:
        references: 0/1 array, shape (N, C).
        predictions: 0/1 array, shape (N, C).

    Returns:
        ``accuracy`` (share of rows with every label right), micro ``precision``, ``recall``,
        ``f1``, and ``f1_macro``.
    """
    truth = np.asarray(references, dtype=bool)
    guess = np.asarray(predictions, dtype=bool)
    hits, guessed, true = (truth & guess).sum(0), guess.sum(0), truth.sum(0)  # each (C,)
    micro = _precision_recall_f1(
        hits.sum(keepdims=True), guessed.sum(keepdims=True), true.sum(keepdims=True)
    )
    macro_f1 = _precision_recall_f1(hits, guessed, true)[2]
    precision, recall, f1 = (float(value[0]) for value in micro)
    return {
        "accuracy": float((truth == guess).all(axis=1).mean()) if len(truth) else 0.0,
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "f1_macro": float(macro_f1.mean()) if macro_f1.size else 0.0,
    }


AVERAGES = ("macro", "micro", "weighted", "binary")
"""How precision, recall and F1 of several labels become one figure each."""


def averaged_metrics(
    references: ArrayLike, predictions: ArrayLike, average: str = "macro"
) -> dict[str, float]:
    """Precision, recall and F1, as scikit-learn averages them (``zero_division=0``).

    Args:
        references: right label ids, whole numbers, shape (N,).
        predictions: predicted label ids, shape (N,).
        average: one of ``AVERAGES``; ``binary`` is of label 1 alone.

    Raises:
        ConfigError: there is no such average, or labels other than 0 and 1 where it is binary.
    """
    truth, guess = np.asarray(references, dtype=np.int64), np.asarray(predictions, dtype=np.int64)
    labels = np.union1d(truth, guess)
    if average not in AVERAGES:
        raise ConfigError(f"no average {average!r}", remedy=did_you_mean(str(average), AVERAGES))
    if average == "binary" and not set(labels.tolist()) <= {0, 1}:
        raise ConfigError(
            f"{len(labels)} labels have no binary average",
            rule="it is of label 1 against label 0",
            remedy="choose the average macro, micro or weighted",
        )
    labels = np.array([0, 1]) if average == "binary" else labels
    counts = confusion_matrix(
        np.searchsorted(labels, truth), np.searchsorted(labels, guess), len(labels)
    )
    hits, guessed, true = np.diag(counts), counts.sum(0), counts.sum(1)
    if average == "micro":
        hits, guessed, true = (each.sum(keepdims=True) for each in (hits, guessed, true))
    values = _precision_recall_f1(hits, guessed, true)
    weights = true if average == "weighted" else np.ones(len(hits))
    if average == "binary":
        weights = np.array([0, 1])
    total = weights.sum()
    means = [float((each * weights).sum() / total) if total else 0.0 for each in values]
    return dict(zip(("precision", "recall", "f1"), means, strict=True))


def matthews_correlation(counts: np.ndarray) -> float:
    """Gorodkin's R_K, the multi-class Matthews correlation, of a confusion matrix (C, C)."""
    counts = counts.astype(np.float64)
    true, guessed, total = counts.sum(1), counts.sum(0), counts.sum()
    covariance = np.trace(counts) * total - true @ guessed
    spread = np.sqrt((total**2 - guessed @ guessed) * (total**2 - true @ true))
    return float(covariance / spread) if spread else 0.0


def _precision_recall_f1(
    hits: np.ndarray, guessed: np.ndarray, true: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    precision = np.divide(hits, guessed, out=np.zeros(hits.shape), where=guessed > 0)
    recall = np.divide(hits, true, out=np.zeros(hits.shape), where=true > 0)
    both = guessed + true
    f1 = np.divide(2 * hits, both, out=np.zeros(hits.shape), where=both > 0)
    return precision, recall, f1


def ratio(part: float, whole: float) -> float:
    """part / whole; 0 where there is nothing to divide by."""
    return part / whole if whole else 0.0
