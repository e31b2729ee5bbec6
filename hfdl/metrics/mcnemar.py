"""McNemar's exact test: its p, and the difference that a set of examples can show with it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

FEWEST = 6
"""Of fewer examples the test shows nothing: five that all go one way have p = 2 / 2^5 > 0.05."""
MOST = 100
"""Differing examples from which on the normal approximation will do."""
_LEVEL, _POWER = 0.05, 0.8
_SURE = 20  # examples that all go one way, which the test hardly ever misses
_HALVINGS = 20


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test (McNemar 1947).

    Of the examples that one of the two alone has right, each is as likely the one's as the other's
    if they are equally good: a binomial test with probability 1/2.

    Args:
        only_a: examples that A alone has right.
        only_b: those that B alone has right.
    """
    total, less = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        return 1.0
    counts = np.arange(1, less + 1)
    # log of C(n, k), from one k to the next; exact enough for any n.
    logs = np.concatenate([[0.0], np.cumsum(np.log((total - counts + 1) / counts))])
    highest = float(logs.max())
    share = float(np.exp(logs - highest).sum()) * math.exp(highest - total * math.log(2))
    return min(1.0, 2 * share)


def detectable_difference(examples: int, differing: int) -> float | None:
    """The true difference of two accuracies that four such sets in five would show at 5 %.

    By the test's own chances. The usual normal approximation promises too much where few examples
    differ: of 160 that never do, half of what it takes.

    Args:
        examples: N of the set.
        differing: those that one of the two alone has right, ``MOST`` at the most.

    Returns:
        a share of 1; None where the set is too small to show any.
    """
    if examples < FEWEST:
        return None
    share = differing / examples
    low, high = 0.0, min(1.0, share + _SURE / examples)
    most = min(examples, int(examples * high + 8 * math.sqrt(examples * high) + _SURE))
    rejected = _rejected(most)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _power(examples, max(share, middle), middle, rejected) < _POWER:
            low = middle
        else:
            high = middle
    return high


@cache
def _rejected(most: int) -> np.ndarray:
    """Whether the test shows a difference where k of m differing examples are B's; (M + 1,) * 2."""
    table = np.zeros((most + 1, most + 1), dtype=bool)
    tail = 0  # how many k at either end are rejected: never fewer of more examples
    for total in range(FEWEST, most + 1):
        while mcnemar(total - tail, tail) < _LEVEL:
            tail += 1
        table[total, :tail] = True
        table[total, total - tail + 1 : total + 1] = True
    return table


def _power(examples: int, share: float, difference: float, rejected: np.ndarray) -> float:
    """How often the test shows it: over how many examples differ, and which way they go."""
    counts = np.arange(len(rejected))
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, len(rejected))))])  # of k!
    ways = np.concatenate([[0.0], np.cumsum(np.log(examples - counts[:-1]))]) - logs
    chance = np.exp(ways + _times(counts, share) + _times(examples - counts, 1 - share))
    b_alone = (share + difference) / (2 * share)
    less = counts[:, None] - counts[None, :]
    of_these = logs[:, None] - logs[None, :] - logs[np.maximum(less, 0)]
    split = np.exp(of_these + _times(counts[None, :], b_alone) + _times(less, 1 - b_alone))
    return float((chance * np.where(rejected & (less >= 0), split, 0.0).sum(axis=1)).sum())


def _times(counts: np.ndarray, share: float) -> np.ndarray:
    """The logarithm of a share to the power of counts; 0 to the power of 0 is 1."""
    if share > 0:
        return np.maximum(counts, 0) * math.log(share)
    return np.where(counts > 0, -np.inf, 0.0)
