"""How far probabilities can be believed: log loss, Brier score, expected calibration error.

Shapes: N items, C labels; M predictions with a score: N of one label an item, N * C of several.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 15
"""Of the calibration error, as in Guo et al. 2017 (https://arxiv.org/abs/1706.04599)."""
CHANCE_DRAWS = 200
_LEAST = float(np.finfo(np.float64).tiny)  # the log of 0 is none


def log_losses(probabilities: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """The negative log-likelihood of each item in nats, (N,).

    Args:
        probabilities: (N, C).
        truth: the right label's number, (N,); or of several labels 0 and 1, (N, C). Then the loss
            is the mean over the labels, each by itself.
    """
    shares, truth = _arrays(probabilities, truth)
    if truth.ndim == 1:
        return -np.log(np.maximum(shares[np.arange(len(truth)), truth], _LEAST))
    said = np.where(truth.astype(bool), shares, 1 - shares)
    return -np.log(np.maximum(said, _LEAST)).mean(axis=1)


def brier_scores(probabilities: ArrayLike, truth: ArrayLike) -> np.ndarray:
    """The squared error of each item's probabilities, (N,); 0 is best.

    Of one label an item it is summed over the labels, from 0 to 2 (Brier 1950). Of several it is
    the mean over the labels, each by itself, from 0 to 1. Arguments as for ``log_losses``.
    """
    shares, truth = _arrays(probabilities, truth)
    if truth.ndim == 1:
        right = np.zeros_like(shares)
        right[np.arange(len(truth)), truth] = 1
        return ((shares - right) ** 2).sum(axis=1)
    return ((shares - truth) ** 2).mean(axis=1)


def confidences(probabilities: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """What is said, and whether it is so: two arrays of shape (M,).

    Of one label an item: the highest probability, and whether it is the right label's. Of several:
    the probability of each label of each item, and whether the item has it. Arguments as for
    ``log_losses``.
    """
    shares, truth = _arrays(probabilities, truth)
    if truth.ndim == 1:
        return shares.max(axis=1, initial=0.0), shares.argmax(axis=1) == truth
    return shares.ravel(), truth.astype(bool).ravel()


def equal_mass_bins(confidence: np.ndarray, bins: int = BINS) -> np.ndarray:
    """The bin of each prediction, (M,), each bin with as many; equal scores stay together.

    Bins of equal width would leave most of them nearly empty, for most scores are high (Nixon et
    al. 2019, https://arxiv.org/abs/1904.01685). The edges are quantiles, as in scikit-learn's
    ``calibration_curve(strategy="quantile")``.
    """
    if not len(confidence):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1))
    return np.searchsorted(edges[1:-1], confidence)


@dataclass(frozen=True)
class Bin:
    """The predictions whose scores lie from ``low`` to ``high``.

    Args:
        low, high: the least and the greatest score in it.
        count: how many they are.
        right: how many of them are right.
        confidence: their mean score.
    """

    low: float
    high: float
    count: int
    right: int
    confidence: float

    @property
    def accuracy(self) -> float:
        """The share of them that is right."""
        return self.right / self.count


def reliability(confidence: ArrayLike, correct: ArrayLike, bins: int = BINS) -> list[Bin]:
    """The bins that hold anything, by score; ``confidence`` and ``correct``: (M,)."""
    scores, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=bool)
    of = equal_mass_bins(scores, bins)
    found = []
    for number in np.unique(of).tolist():
        inside = scores[of == number]
        found.append(
            Bin(
                low=float(inside.min()),
                high=float(inside.max()),
                count=len(inside),
                right=int(right[of == number].sum()),
                confidence=float(inside.mean()),
            )
        )
    return found


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, bins: int = BINS
) -> float:
    """The mean of |share that is right - mean score| over bins of equal mass, by their counts.

    It is biased upwards: in each bin chance alone moves the share that is right, and the absolute
    value turns every such move into an error. ``error_by_chance`` says by how much.

    Args:
        confidence: (M,), from 0 to 1.
        correct: (M,).
        bins: how many.
    """
    scores, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if not len(scores):
        return 0.0
    gaps = np.bincount(equal_mass_bins(scores, bins), weights=scores - right)
    return float(np.abs(gaps).sum() / len(scores))


def error_by_chance(confidence: ArrayLike, bins: int = BINS, seed: int = 0) -> float:
    """The calibration error that such scores would show if they were perfectly calibrated.

    Answers are drawn that are right as often as the scores say (Bröcker and Smith 2007), and the
    errors of ``CHANCE_DRAWS`` such draws averaged.
    """
    scores = np.asarray(confidence, dtype=np.float64)
    if not len(scores):
        return 0.0
    of = equal_mass_bins(scores, bins)
    random = np.random.default_rng(seed)
    total = 0.0
    for _ in range(CHANCE_DRAWS):
        right = random.random(len(scores)) < scores
        total += float(np.abs(np.bincount(of, weights=scores - right)).sum())
    return total / CHANCE_DRAWS / len(scores)


def _arrays(probabilities: ArrayLike, truth: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    shares = np.asarray(probabilities, dtype=np.float64)
    return shares, np.asarray(truth, dtype=np.int64)
