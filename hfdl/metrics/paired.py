"""Two models on the same examples: tests, intervals and what a set could have shown.

Shapes: N examples, J kinds of them, K sums, B resamples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.metrics.mcnemar import MOST, detectable_difference, mcnemar
from hfdl.metrics.sums import ExampleFigures, Sums

Z95, Z80 = 1.959963984540054, 0.8416212335729143
"""Quantiles of the normal distribution: two-sided 95 %, one-sided 80 %."""
ACCURACY = "accuracy"
MCNEMAR = "McNemar, exact"
RESAMPLES = 2000
FEWEST = 500
_DRAWN = 40_000_000  # numbers in all: of very many examples fewer resamples say as much
_BLOCK = 2_000_000  # numbers drawn at a time


@dataclass(frozen=True)
class Effect:
    """B - A on the same examples.

    Args:
        a, b: the figure of each.
        low, high: the 95 % interval of b - a; None where there is none.
        p: how often chance alone would make a difference as large, two-sided.
        test: what p is by.
        detectable: the true difference that four such sets in five would show at 5 %; None where
            that is unknown.
        differing: examples, or units of them, on which the two count differently.
    """

    a: float
    b: float
    low: float | None
    high: float | None
    p: float
    test: str
    detectable: float | None
    differing: int = 0

    @property
    def difference(self) -> float:
        """b - a."""
        return self.b - self.a

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out 0, at a p below 0.05."""
        return self.p < 0.05 and self.low is not None and not self.low <= 0 <= (self.high or 0)


def effect_of(
    a: ExampleFigures, b: ExampleFigures, metric: str, chosen: np.ndarray | None, seed: int
) -> Effect:
    """The effect on any metric: accuracy's own test where it is that, else by drawing again.

    Args:
        a, b: what two models' answers to the same N examples are compared by.
        metric: which of their metrics.
        chosen: indices of examples, or (N,) of bool; None: all.
        seed: of the draws.
    """
    every = slice(None) if chosen is None else chosen
    if metric == ACCURACY and a.right is not None and b.right is not None:
        return accuracy_effect(a.right[every], b.right[every])
    sums = []
    for side in (a, b):
        own = side.metrics[metric] if chosen is None else side.metrics[metric].chosen(chosen)
        sums.append(own if side.units is None else own.grouped(side.units[every]))
    return bootstrap_effect(*sums, seed=seed)


def accuracy_effect(right_a: np.ndarray, right_b: np.ndarray) -> Effect:
    """The difference of two accuracies on the same examples.

    McNemar's exact p; the interval is Bonett and Price's (2012), Wald's with one example more on
    either side, which neither vanishes where the two agree everywhere nor needs many examples.

    Args:
        right_a, right_b: (N,) of bool.
    """
    total = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    share_a, share_b = (only_a + 1) / (total + 2), (only_b + 1) / (total + 2)
    middle = share_b - share_a
    error = math.sqrt((share_a + share_b - middle**2) / (total + 2))
    low, high = max(-1.0, middle - Z95 * error), min(1.0, middle + Z95 * error)
    differing = only_a + only_b
    detectable = (
        detectable_difference(total, differing) if differing <= MOST else (Z95 + Z80) * error
    )
    return Effect(
        float(right_a.mean()) if total else 0.0, float(right_b.mean()) if total else 0.0, low, high,
        mcnemar(only_a, only_b), MCNEMAR, detectable, differing,
    )  # fmt: skip


def bootstrap_effect(a: Sums, b: Sums, *, seed: int = 0, resamples: int = RESAMPLES) -> Effect:
    """The difference of any metric, by drawing the examples again, the same for both.

    Percentile interval (Efron and Tibshirani 1993, chapter 13); p is twice the share of resamples
    on the far side of 0. Where the two never differ there is nothing to draw: p is 1.

    Args:
        a, b: sums of the same N examples in the same order.
        seed: of the draws.
        resamples: how many; fewer, but ``FEWEST``, of more than some ten thousand examples.
    """
    figures = [float(side.compute(side.totals()[None])[0]) for side in (a, b)]
    pairs = np.stack([a.of, b.of], axis=1)  # (N, 2)
    kinds, often = np.unique(pairs, axis=0, return_counts=True)
    differ = (a.table[kinds[:, 0]] != b.table[kinds[:, 1]]).any(axis=1)
    differing = int(often[differ].sum())
    if not differing or len(pairs) < 2:
        return Effect(figures[0], figures[1], None, None, 1.0, "paired bootstrap", None)
    resamples = max(min(FEWEST, resamples), min(resamples, _DRAWN // len(kinds)))
    steps = _differences(a, b, kinds, often, seed, resamples)
    low, high = np.quantile(steps, [0.025, 0.975]).tolist()
    far = min(int((steps <= 0).sum()), int((steps >= 0).sum()))
    p = min(1.0, 2 * (far + 1) / (len(steps) + 1))
    detectable = (Z95 + Z80) * float(steps.std(ddof=1))
    return Effect(figures[0], figures[1], low, high, p, "paired bootstrap", detectable, differing)


def _differences(
    a: Sums, b: Sums, kinds: np.ndarray, often: np.ndarray, seed: int, resamples: int
) -> np.ndarray:
    """B's figure less A's in each resample, (B,). Examples that count alike are drawn together."""
    random = np.random.default_rng(seed)
    total, shares = int(often.sum()), often / often.sum()
    tables = [a.table[kinds[:, 0]], b.table[kinds[:, 1]]]  # (J, K) each
    block = max(1, min(resamples, _BLOCK // len(kinds)))
    steps = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = random.multinomial(total, shares, size=size).astype(np.float64)  # (B, J)
        before, after = (side.compute(drawn @ t) for side, t in zip((a, b), tables, strict=True))
        steps.append(after - before)
    return np.concatenate(steps)


def holm(values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p values: with them the chance of any false alarm stays 5 %."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    adjusted, least = [1.0] * len(values), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[i]))
        adjusted[i] = least
    return adjusted
