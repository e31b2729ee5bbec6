"""Errors and correlations of predicted numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def regression_metrics(references: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """Metrics of a regression.

    Args:
        references: right values, shape (N,).
        predictions: predicted values, shape (N,).

    Returns:
        ``mse``, ``mae``, ``r_squared``, ``pearsonr``, ``spearmanr``. A correlation with a
        constant is undefined and given as 0; where the right values are constant ``r_squared`` is
        1 if all are met and else 0, as scikit-learn has it. Of no values, everything is 0.
    """
    truth = np.asarray(references, dtype=np.float64)
    guess = np.asarray(predictions, dtype=np.float64)
    error = guess - truth
    return {
        "mse": float((error**2).mean()) if len(error) else 0.0,
        "mae": float(np.abs(error).mean()) if len(error) else 0.0,
        "r_squared": r_squared(truth, error),
        "pearsonr": pearson(truth, guess),
        "spearmanr": pearson(mean_ranks(truth), mean_ranks(guess)),
    }


def r_squared(truth: np.ndarray, error: np.ndarray) -> float:
    """The share of the variance of ``truth`` that is explained; both of shape (N,)."""
    if is_constant(truth):
        return float(len(error) > 0 and not error.any())
    centred = truth - truth.mean()
    size = np.abs(centred).max()  # so that no square underflows
    return 1.0 - float(((error / size) ** 2).sum()) / float(((centred / size) ** 2).sum())


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of shape (N,)."""
    if is_constant(a) or is_constant(b):
        return 0.0
    return float(np.clip(_direction(a) @ _direction(b), -1.0, 1.0))


def is_constant(values: np.ndarray) -> bool:
    """Whether all values are the same. A sum of squares would not do: a mean is rounded."""
    return bool((values == values[:1]).all())


def _direction(values: np.ndarray) -> np.ndarray:
    """Values less their mean, scaled to norm 1; first to size 1, so that no square overflows."""
    centred = values - values.mean()
    centred /= np.abs(centred).max()
    return centred / np.linalg.norm(centred)


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing the mean of theirs; shape (N,)."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return (last - (sizes - 1) / 2.0)[group]
