"""A neuron, a layer of them, a batch of samples, and one layer after another.

A neuron adds up its inputs, each times a weight, and a bias:

    y = x_1 w_1 + x_2 w_2 + ... + b

Here weights are kept as the notes write them down: one row for each neuron, (neurons, inputs). A
batch then needs their transpose, X W^T, because both X and W have the inputs along their columns.
Everywhere else in this package weights are (inputs, neurons), and the product is X W.

The notes' network of two layers forgets one transpose: it computes X W1^T + b1, and then
(...) W2 + b2. Its W2 is 3 x 3, so NumPy does not object; what it computes is the network whose
second layer has the *columns* of W2 as its neurons. ``two_layers`` transposes both; give it W2.T
to get the notes' figures. A layer that is not square would have raised an error at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.activations import sigmoid
from hfdl.foundations.layer import Floats
from hfdl.foundations.losses import mse, sigmoid_cross_entropy

Numbers = Sequence[float] | Floats
Matrix = Sequence[Numbers] | Floats


def neuron(inputs: Numbers, weights: Numbers, bias: float) -> float:
    """One neuron, in plain Python: the sum of inputs times weights, and the bias.

    Args:
        inputs: as many as there are weights.
        weights: one for each input.
        bias: what the neuron answers where every input is zero.

    Raises:
        ShapeError: there are more of the one than of the other.
    """
    if len(inputs) != len(weights):
        raise ShapeError(
            f"{len(inputs)} inputs and {len(weights)} weights", rule="each input has one weight"
        )
    total = float(bias)
    for x, w in zip(inputs, weights, strict=True):
        total += float(x) * float(w)
    return total


def layer_of_neurons(inputs: Numbers, weights: Matrix, biases: Numbers) -> list[float]:
    """Several neurons that see the same inputs: one answer each.

    Args:
        inputs: of one sample.
        weights: a row for each neuron, (neurons, inputs).
        biases: one for each neuron.

    Raises:
        ShapeError: a row does not fit the inputs, or there is not one bias for each neuron.
    """
    if len(weights) != len(biases):
        raise ShapeError(
            f"{len(weights)} rows of weights and {len(biases)} biases",
            rule="each neuron has a row of weights and a bias",
        )
    return [neuron(inputs, row, bias) for row, bias in zip(weights, biases, strict=True)]


def batch(inputs: Matrix, weights: Matrix, biases: Numbers) -> Floats:
    """The same layer on many samples in one product: X W^T + b.

    Args:
        inputs: a row for each sample, (B, inputs).
        weights: a row for each neuron, (neurons, inputs).
        biases: (neurons,), added to every row.

    Returns:
        (B, neurons).

    Raises:
        ShapeError: the shapes do not fit.
    """
    X, W, b = np.asarray(inputs), np.asarray(weights), np.asarray(biases)
    if X.ndim != 2 or W.ndim != 2 or X.shape[1] != W.shape[1] or b.shape != W.shape[:1]:
        raise ShapeError(
            f"inputs {X.shape}, weights {W.shape}, biases {b.shape}",
            rule="they are (B, inputs), (neurons, inputs) and (neurons,)",
        )
    return X @ W.T + b  # (B, inputs) (inputs, neurons) -> (B, neurons)


def two_layers(
    inputs: Matrix, weights_1: Matrix, biases_1: Numbers, weights_2: Matrix, biases_2: Numbers
) -> Floats:
    """A layer on the answers of a layer; see above on the notes' second one.

    Without an activation between them the two are no more than one layer:
    (X A + a) B + b = X (A B) + (a B + b).

    Returns:
        (B, neurons of the second layer).
    """
    return batch(batch(inputs, weights_1, biases_1), weights_2, biases_2)


# ---- Why a logistic unit is not trained on squared error: its loss surface is not convex ---------
# A function is convex if it lies below each of its chords; along a line, on equally spaced points,
# its second differences f(t - h) - 2 f(t) + f(t + h) are then nowhere negative. One negative
# number is a proof to the contrary.
#
# For one sample with target 1 and z = w x, cross-entropy is log(1 + exp(-z)), whose second
# derivative p (1 - p) is positive everywhere. Squared error is (1 - p)^2, with second derivative 2
# p (1 - p)^2 (3 p - 1): negative wherever p < 1/3, that is where the unit is *most* wrong. There
# the curve bends down to a plateau on which the gradient vanishes. With several samples such bends
# add up, and local minima become possible; cross-entropy has none.


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
    losses: list[tuple[float, float]] = []
    for t in places:
        z = X @ (start + t * direction)  # (B,)
        losses.append((mse(sigmoid(z), target)[0], sigmoid_cross_entropy(z, target)[0]))
    squared, entropy = np.array(losses).reshape(-1, 2).T  # (N, 2) -> two of (N,)
    return LossesOnLine(squared, entropy)


def second_differences(values: Floats) -> Floats:
    """f(t - h) - 2 f(t) + f(t + h) of equally spaced values. (N,) -> (N - 2,)."""
    return np.diff(values, n=2)
