"""Schedules: the learning rate as a function of the step, which counts updates from 0.

``fit`` and others take a function of the step alone; give the rest beforehand:

    from functools import partial
    schedule = partial(warmup_linear, rate=0.001, warmup=100, steps=1000)
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""From the number of updates made so far to the rate of the next."""


def constant(step: int, *, rate: float) -> float:
    """Always ``rate``."""
    return rate


def step_decay(step: int, *, rate: float, every: int, factor: float = 0.1) -> float:
    """``rate``, multiplied by ``factor`` after each ``every`` steps: a staircase."""
    return rate * factor ** (step // every)


def exponential_decay(step: int, *, rate: float, factor: float) -> float:
    """``rate``, multiplied by ``factor`` after each step."""
    return rate * factor**step


def inverse_decay(step: int, *, rate: float, half: float) -> float:
    """rate / (1 + step / half): half of it after ``half`` steps, a third after twice as many.

    The sum over all steps is infinite, so that any distance can be gone, and that of the squares
    is finite, so that the noise of single samples dies out: with it, stochastic gradient descent
    reaches the minimum itself (Robbins and Monro 1951).
    """
    return rate / (1.0 + step / half)


def cosine_decay(step: int, *, rate: float, steps: int, lowest: float = 0.0) -> float:
    """Half a cosine from ``rate`` at 0 down to ``lowest`` at ``steps``, and that from there on.

    Loshchilov and Hutter 2017, equation 5 (https://arxiv.org/abs/1608.03983), without restarts.
    """
    share = min(1.0, step / max(1, steps))
    return lowest + 0.5 * (rate - lowest) * (1.0 + math.cos(math.pi * share))


def linear_decay(step: int, *, rate: float, steps: int, lowest: float = 0.0) -> float:
    """A straight line from ``rate`` at 0 down to ``lowest`` at ``steps``."""
    share = min(1.0, step / max(1, steps))
    return rate + (lowest - rate) * share


def warmup_linear(step: int, *, rate: float, warmup: int, steps: int) -> float:
    """A straight line up from 0 over ``warmup`` steps, then one down to 0 at ``steps``.

    transformers' linear schedule; BERT's. The first update, at step 0, has a rate of 0.
    """
    if step < warmup:
        return rate * step / warmup
    return linear_decay(step - warmup, rate=rate, steps=steps - warmup)


def warmup_cosine(step: int, *, rate: float, warmup: int, steps: int) -> float:
    """A straight line up from 0 over ``warmup`` steps, then half a cosine to 0 at ``steps``."""
    if step < warmup:
        return rate * step / warmup
    return cosine_decay(step - warmup, rate=rate, steps=steps - warmup)
