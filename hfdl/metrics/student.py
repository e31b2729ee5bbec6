"""Quantiles of Student's t distribution, without scipy, which hfdl does not need otherwise."""

from __future__ import annotations

import math

_STEPS = 200


def t_quantile(share: float, degrees: float) -> float:
    """The value that a t variable stays below with this probability.

    Args:
        share: the probability, in (0, 1).
        degrees: of freedom, above 0; they need not be whole.
    """
    if share < 0.5:
        return -t_quantile(1 - share, degrees)
    low, high = 0.0, 1.0
    while t_below(high, degrees) < share:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def t_below(value: float, degrees: float) -> float:
    """The probability that a t variable is below a value of at least 0."""
    tail = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + value * value))
    return 1 - tail / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    Args:
        a, b: above 0.
        x: in [0, 1].
    """
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):  # there the fraction converges fast
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """``1 + d_1 / (1 + d_2 / (1 + ...))``, from its end."""
    value = 1.0
    for m in range(_STEPS, 0, -1):
        half, is_odd = divmod(m, 2)
        if is_odd:
            d = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            d = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        value = 1 + d / value
    return value
