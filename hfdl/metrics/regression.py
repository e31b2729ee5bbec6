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
        ``mse``, ``mae``, ``r_squared``, ``pearsonr``, ``spearmanr``; a correlation with a
        constant is undefined and given as 0.
    """
    truth = np.asarray(references, dtype=np.float64)
    guess = np.asarray(predictions, dtype=np.float64)
    error = guess - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "mse": float((error**2).mean()),
        "mae": float(np.abs(error).mean()),
        "r_squared": 1.0 - float((error**2).sum()) / spread if spread else 0.0,
        "pearsonr": pearson(truth, guess),
        "spearmanr": pearson(mean_ranks(truth), mean_ranks(guess)),
    }


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of shape (N,)."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 0.0


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing the mean of theirs; shape (N,)."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return (last - (sizes - 1) / 2.0)[group]
