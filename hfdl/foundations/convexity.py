"""Why a logistic unit is not trained on squared error: its loss surface is not convex.

A function is convex if it lies below each of its chords; along a line, on equally spaced points,
its second differences f(t - h) - 2 f(t) + f(t + h) are then nowhere negative. One negative
number is a proof to the contrary.

For one sample with target 1 and z = w x, cross-entropy is log(1 + exp(-z)), whose second derivative
p (1 - p) is positive everywhere. Squared error is (1 - p)^2, with second derivative
2 p (1 - p)^2 (3 p - 1): negative wherever p < 1/3, that is where the unit is *most* wrong. There
the curve bends down to a plateau on which the gradient vanishes. With several samples such bends
add up, and local minima become possible; cross-entropy has none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfdl.foundations.activation_functions import sigmoid
from hfdl.foundations.layer import Floats
from hfdl.foundations.losses import mse, sigmoid_cross_entropy


class LossesOnLine(NamedTuple):
    """Both losses of a logistic unit, each (N,), at N places."""

    mse: Floats
    cross_entropy: Floats


def losses_along_line(
    X: Floats, target: Floats, start: Floats, direction: Floats, places: Floats
) -> LossesOnLine:
    """The losses of sigmoid(X w) at w = start + t * direction, for each place t.

    Args:
        X: (B, D).
        target: (B,) of 0 and 1.
        start: (D,).
        direction: (D,).
        places: (N,) values of t.
    """
    found = []
    for t in places:
        z = X @ (start + t * direction)  # (B,)
        found.append((mse(sigmoid(z), target)[0], sigmoid_cross_entropy(z, target)[0]))
    squared, entropy = np.array(found).reshape(-1, 2).T  # (N, 2) -> two of (N,)
    return LossesOnLine(squared, entropy)


def second_differences(values: Floats) -> Floats:
    """f(t - h) - 2 f(t) + f(t + h) of equally spaced values. (N,) -> (N - 2,)."""
    return np.diff(values, n=2)
