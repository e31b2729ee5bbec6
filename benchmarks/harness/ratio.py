"""How many times as much one side needs as another, and how sure that is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from hfdl.metrics.student import t_quantile

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """A ratio over pairs of rounds.

    Args:
        value: the geometric mean of the pairs' ratios.
        low, high: its 95 % interval; None with a single pair.
        pairs: how many there are.
    """

    value: float
    low: float | None
    high: float | None
    pairs: int

    def __str__(self) -> str:
        if self.low is None:
            return f"{self.value:.3g} (one pair)"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def ratio_of(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """The ratio of two figures, pair by pair.

    The two of a pair were measured one after the other, so what slows the machine for both
    cancels. The interval is Student's, of the logarithms' mean: ratios are positive, and r and 1/r
    are equally far from 1.

    Args:
        above, below: a value a pair, above 0.

    Raises:
        ValueError: unequal numbers of values, none, or one that is not above 0.
    """
    if len(above) != len(below) or not above:
        raise ValueError(f"{len(above)} values over {len(below)}")
    if min(*above, *below) <= 0:
        raise ValueError("a figure is not above 0")
    logs = [math.log(a / b) for a, b in zip(above, below, strict=True)]
    mean, n = statistics.fmean(logs), len(logs)
    if n == 1:
        return Ratio(math.exp(mean), None, None, 1)
    half = t_quantile(0.5 + CONFIDENCE / 2, n - 1) * statistics.stdev(logs) / math.sqrt(n)
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half), n)


def verdict(ratio: Ratio, at_least: float | None, at_most: float | None) -> str:
    """What an interval says of a bound: ``holds``, ``does not hold`` or ``undecided``.

    Without a bound it is ``recorded``.
    """
    if at_least is None and at_most is None:
        return "recorded"
    if ratio.low is None or ratio.high is None:
        return "undecided"
    if at_least is not None:
        above, below = ratio.low >= at_least, ratio.high < at_least
    else:
        assert at_most is not None
        above, below = ratio.high <= at_most, ratio.low > at_most
    return "holds" if above else "does not hold" if below else "undecided"
