"""Temperature scaling: one number that divides all logits (Guo et al. 2017).

https://arxiv.org/abs/1706.04599. Softmax and sigmoid of logits / T: above 1 the answers become less
sure, below 1 surer; which label is the likeliest stays.

Shapes: R rows, N items, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from hfdl.tasks.label_logits import LabelLogits

LOWEST, HIGHEST = 0.02, 50.0
"""The temperatures that are looked at. Where the best is at an end there is none."""
_STARTS = 41
_PRECISION = 1e-9
_GOLDEN = (math.sqrt(5) - 1) / 2


def probabilities(found: LabelLogits, temperature: float) -> np.ndarray:
    """The probabilities of each item's labels at a temperature, (N, C), in float64.

    Of an item with several rows, a long text in windows, they are the mean over the rows, as its
    answer is.
    """
    scaled = found.logits / temperature  # (R, C)
    shares = _sigmoid(scaled) if found.targets.ndim == 2 else _softmax(scaled)
    rows = np.bincount(found.items, minlength=len(found.targets))  # (N,)
    if len(shares) == len(rows) and (found.items == np.arange(len(rows))).all():
        return shares
    sums = np.zeros((len(rows), shares.shape[1]))
    np.add.at(sums, found.items, shares)
    return sums / rows[:, None]


def fit_temperature(loss: Callable[[float], float]) -> float | None:
    """The temperature of least loss.

    The negative log-likelihood is convex in 1/T, so a bracket on a grid of log T and a golden
    section within it find its minimum (of windows, whose probabilities are averaged, it need not
    be convex: the grid finds the best of several valleys).

    Args:
        loss: from a temperature to the mean negative log-likelihood.

    Returns:
        the temperature; None where the loss falls up to an end of what is looked at: all answers
        are right, and no sureness is too much, or the scores say nothing of what is right.
    """
    grid = np.linspace(math.log(LOWEST), math.log(HIGHEST), _STARTS)
    losses = [loss(math.exp(place)) for place in grid.tolist()]
    best = int(np.argmin(losses))
    if best in (0, _STARTS - 1):
        return None
    return math.exp(_golden(lambda place: loss(math.exp(place)), grid[best - 1], grid[best + 1]))


def _golden(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley between two places is least."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > _PRECISION:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return (low + high) / 2


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))
