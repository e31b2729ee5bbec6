"""Uncertainty of metrics: the spread over seeds, and bootstrap confidence intervals."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Measure = Callable[[np.ndarray], dict[str, float]]
"""From indices of examples, which may repeat, to the metrics of one run on those examples."""

RESAMPLES = 1000
FEWEST = 50
"""The fewest resamples that an interval is computed from."""


@dataclass(frozen=True)
class Spread:
    """One metric over several seeds.

    Args:
        values: of each seed.
        low, high: the 95 % interval; None where there is none.
    """

    values: list[float]
    low: float | None = None
    high: float | None = None

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """The standard deviation over the seeds, of a sample (n - 1); None for one seed."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        interval = None if self.low is None else [self.low, self.high]
        return {"mean": self.mean, "sd": self.sd, "interval": interval, "values": self.values}


def bootstrap(
    runs: Sequence[Measure],
    sizes: Sequence[int],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    seconds: float = math.inf,
) -> dict[str, np.ndarray]:
    """The bootstrap distribution of each metric's mean over seeds.

    Each resample draws the seeds and, the same for all seeds, the examples, with replacement
    (Efron and Tibshirani 1993, chapter 13): the width includes the variation over seeds and that
    over held-out examples.

    Args:
        runs: one for each seed's run.
        sizes: held-out examples of each.
        seed: of the draws.
        resamples: how many.
        seconds: time limit; where it is reached, fewer resamples are made.

    Returns:
        by metric the resampled means, of shape (resamples,); fewer where time was short.
    """
    generator = np.random.default_rng(seed)
    means: dict[str, list[float]] = {}
    began = time.perf_counter()
    for _ in range(resamples):
        uniform = generator.random(max(sizes))  # one draw for all seeds: they share the examples
        drawn = generator.integers(len(runs), size=len(runs))
        chosen = {
            i: runs[i]((uniform[: sizes[i]] * sizes[i]).astype(np.int64))
            for i in set(drawn.tolist())
        }
        for name in chosen[int(drawn[0])]:
            values = [chosen[i].get(name, math.nan) for i in drawn.tolist()]
            means.setdefault(name, []).append(statistics.fmean(values))
        if time.perf_counter() - began > seconds:
            break
    return {name: np.array(values) for name, values in means.items()}


def interval(means: np.ndarray, share: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of resampled means; None if they are too few, or not all finite.

    Args:
        means: (resamples,).
        share: of them within it.
    """
    finite = means[np.isfinite(means)]
    if len(finite) < FEWEST or len(finite) < len(means):
        return None
    low, high = np.quantile(finite, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
