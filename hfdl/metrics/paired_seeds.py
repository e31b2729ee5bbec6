"""A difference of two recipes that were trained on the same seeds, with its 95 % interval.

Two things vary: the seed of a training, and the examples that it is measured on. With the
difference of pair i on example e as ``mean + seed_i + example_e + rest_ie`` (a two-way model with
both at random, as of multi-reader studies: Obuchowski and Rockette 1995), the mean over K pairs and
n examples has the variance

    seed / K + example / n + rest / (K n).

The variance of the pairs' differences, divided by K, estimates the first and the last part, which
is what a paired t-test takes. It says how sure a difference is *on these examples*. The second
part, what other examples would have shown, is estimated by drawing the examples again: the
bootstrap variance of the mean difference is ``example / n + rest / (K n)``, that of a single pair's
``(example + rest) / n``; from both the rest is known, and is not counted twice. Adding the two
variances as they are would count it twice: of 100 comparisons of a recipe with itself far fewer
than 5 would then seem to differ.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hfdl.metrics.bootstrap import Measure
from hfdl.metrics.student import t_quantile

RESAMPLES = 200
"""Draws of the examples: the variance is then known to about 10 %."""


@dataclass(frozen=True)
class Difference:
    """How much one recipe is above another.

    Args:
        mean: over the pairs.
        half_width: of the 95 % interval around it; None for a single pair.
        pairs: the difference of each pair.
        seeds_sd: standard error by the seeds alone.
        examples_sd: standard error by the examples alone; None: they were not drawn again.
        degrees: of freedom of the interval.
    """

    mean: float
    half_width: float | None
    pairs: list[float]
    seeds_sd: float
    examples_sd: float | None
    degrees: float

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return -math.inf if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return math.inf if self.half_width is None else self.mean + self.half_width

    def as_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return asdict(self)


@dataclass(frozen=True)
class ExamplesVariance:
    """What drawing the examples again does to a mean difference.

    Args:
        added: the variance beside what the pairs' own differences hold, ``example / n``.
        of_mean: the whole variance, ``example / n + rest / (K n)``.
        examples: how many there are.
    """

    added: float
    of_mean: float
    examples: int


def paired_difference(
    firsts: Sequence[float],
    seconds: Sequence[float],
    by_examples: ExamplesVariance | None = None,
) -> Difference:
    """The mean difference with an interval by Student's t.

    Args:
        firsts, seconds: a metric of each pair.
        by_examples: what the choice of the examples adds to the variance of the mean; None:
            nothing, for instance because each pair was measured on examples of its own.
    """
    pairs = (np.asarray(firsts, dtype=float) - np.asarray(seconds, dtype=float)).tolist()
    mean = float(np.mean(pairs))
    if len(pairs) < 2:
        return Difference(mean, None, pairs, math.nan, None, 0.0)
    by_seeds = float(np.var(pairs, ddof=1)) / len(pairs)
    added = 0.0 if by_examples is None else by_examples.added
    if by_examples is not None and by_seeds == 0:
        # A few differences can agree by chance, where a metric has few values: that proves nothing.
        added = max(added, by_examples.of_mean)
    variance = by_seeds + added
    degrees = float(len(pairs) - 1)
    if by_examples is not None and added:  # Satterthwaite 1946
        rest = added**2 / max(1, by_examples.examples - 1)
        degrees = variance**2 / (by_seeds**2 / (len(pairs) - 1) + rest)
    half = t_quantile(0.975, degrees) * math.sqrt(variance)
    known = None if by_examples is None else math.sqrt(added)
    return Difference(mean, half, pairs, math.sqrt(by_seeds), known, degrees)


def examples_variance(
    firsts: Sequence[Measure],
    seconds: Sequence[Measure],
    metric: str,
    examples: int,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    seconds_limit: float = math.inf,
) -> ExamplesVariance | None:
    """What the choice of the examples adds to the variance of a mean difference.

    Args:
        firsts, seconds: of each pair, from indices of examples to metrics on them.
        metric: which of them.
        examples: how many there are, the same for all.
        seed: of the draws.
        resamples: how many.
        seconds_limit: time after which fewer have to do.

    Returns:
        ``example / n`` of the model above, at least 0, and the whole; None where the metric is not
        defined on some draws.
    """
    generator = np.random.default_rng(seed)
    rows: list[list[float]] = []
    began = time.perf_counter()
    for _ in range(resamples):
        drawn = generator.integers(examples, size=examples)
        rows.append([
            first(drawn).get(metric, math.nan) - second(drawn).get(metric, math.nan)
            for first, second in zip(firsts, seconds, strict=True)
        ])  # fmt: skip
        if time.perf_counter() - began > seconds_limit and len(rows) >= 50:
            break
    differences = np.array(rows)
    if not np.isfinite(differences).all():
        return None
    pairs = differences.shape[1]
    of_mean = float(differences.mean(axis=1).var(ddof=1))
    of_one = float(differences.var(axis=0, ddof=1).mean())
    rest = max(0.0, (of_one - of_mean) / (pairs - 1)) if pairs > 1 else 0.0
    return ExamplesVariance(max(0.0, of_mean - rest), of_mean, examples)
