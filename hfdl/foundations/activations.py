"""Activations: the nonlinear functions between layers, without which a stack is one layer.

Each is a function of any shape, ``relu(x)``, with its derivative at the same x,
``relu_derivative(x)``, and a layer, ``ReLU()``. All but softmax work number by number. At a kink
the derivative is that of the left side, as in torch. None overflows, however large x is. Whole
numbers become float64; floats keep their precision.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np

from hfdl.foundations.layer import Backprop, Floats, Layer, floats
from hfdl.foundations.transformer.attention import softmax


def step(x: Any) -> Floats:
    """1 where x > 0, else 0: the perceptron's."""
    x = floats(x)
    return (x > 0).astype(x.dtype)


def step_derivative(x: Any) -> Floats:
    """0 (undefined at 0): a step passes no gradient back, so the layers before it cannot learn."""
    return np.zeros_like(floats(x))


def identity(x: Any) -> Floats:
    """x: for outputs that may be any number."""
    return floats(x)


def identity_derivative(x: Any) -> Floats:
    """1."""
    return np.ones_like(floats(x))


def sigmoid(x: Any) -> Floats:
    """1 / (1 + exp(-x)), in (0, 1): a probability of yes.

    exp(-|x|) never overflows; for negative x the fraction is written exp(x) / (1 + exp(x)).
    """
    x = floats(x)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def sigmoid_derivative(x: Any) -> Floats:
    """y (1 - y) with y = sigmoid(x): 1/4 at most, and the reason why deep stacks of it stall.

    1 - y is computed as sigmoid(-x): by subtraction it would be 0 from x = 37 on.
    """
    x = floats(x)
    return sigmoid(x) * sigmoid(-x)


def tanh(x: Any) -> Floats:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)), in (-1, 1): 2 sigmoid(2 x) - 1."""
    return np.tanh(floats(x))


def tanh_derivative(x: Any) -> Floats:
    """1 - tanh(x)^2."""
    x = floats(x)
    return 4.0 * sigmoid_derivative(2.0 * x)  # the same, without the subtraction


def relu(x: Any) -> Floats:
    """max(x, 0)."""
    return np.maximum(floats(x), 0.0)


def relu_derivative(x: Any) -> Floats:
    """1 where x > 0, else 0. A unit that is negative for all samples learns no more: it is dead."""
    x = floats(x)
    return (x > 0).astype(x.dtype)


def leaky_relu(x: Any, slope: float = 0.01) -> Floats:
    """x where x > 0, else slope * x: a unit cannot die. Maas, Hannun and Ng 2013."""
    x = floats(x)
    return cast("Floats", np.where(x > 0, x, slope * x))


def leaky_relu_derivative(x: Any, slope: float = 0.01) -> Floats:
    """1 where x > 0, else the slope."""
    x = floats(x)
    return np.where(x > 0, 1.0, slope).astype(x.dtype)


def elu(x: Any, alpha: float = 1.0) -> Floats:
    """x where x > 0, else alpha * (exp(x) - 1): smooth at 0 for alpha 1.

    Clevert et al. 2016 (https://arxiv.org/abs/1511.07289). expm1 keeps the digits of small x.
    """
    x = floats(x)
    return cast("Floats", np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))))


def elu_derivative(x: Any, alpha: float = 1.0) -> Floats:
    """1 where x > 0, else alpha * exp(x)."""
    x = floats(x)
    return np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def gelu(x: Any) -> Floats:
    """x Phi(x), where Phi is the standard normal distribution function.

    Hendrycks and Gimpel 2016, equation 2 (https://arxiv.org/abs/1606.08415). BERT's.
    """
    x = floats(x)
    return x * _normal_cdf(x)


def gelu_derivative(x: Any) -> Floats:
    """Phi(x) + x phi(x), where phi is the normal density."""
    x = floats(x)
    # Beyond 50 the density is 0 in any precision, and x * x would overflow in a narrow one.
    density = np.exp(-0.5 * np.minimum(np.abs(x), 50.0) ** 2) / math.sqrt(2.0 * math.pi)
    return _normal_cdf(x) + x * density


def _normal_cdf(x: Floats) -> Floats:
    # erfc(-x / sqrt(2)) / 2 has all its digits also where 1 + erf(x / sqrt(2)) cancels to 0.
    # NumPy has neither; the standard library's is exact to the last digit, one number at a time.
    shares = (0.5 * math.erfc(-v * math.sqrt(0.5)) for v in np.ravel(x).tolist())
    return np.fromiter(shares, x.dtype, x.size).reshape(x.shape)


def softmax_jacobian(x: Any) -> Floats:
    """The derivative of each probability by each score, along the last axis.

    p_i (1 - p_i) on the diagonal, -p_i p_j beside it: what one gains the others lose.

    Args:
        x: (..., C).

    Returns:
        (..., C, C).
    """
    x = floats(x)
    p = softmax(x)
    diagonal = p[..., None] * np.eye(x.shape[-1], dtype=p.dtype)  # (..., C, C)
    return diagonal - p[..., :, None] * p[..., None, :]


# ---- The same as layers --------------------------------------------------------------------------


class Elementwise(Layer):
    """A function of each number, with its derivative, as a layer."""

    def __init__(
        self, function: Callable[[Floats], Floats], derivative: Callable[[Floats], Floats]
    ) -> None:
        self.function = function
        self.derivative = derivative

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = np.asarray(X)

        def backprop(dY: Floats) -> Floats:
            return dY * self.derivative(X)

        return self.function(X), backprop


class Step(Elementwise):
    """``step`` as a layer."""

    def __init__(self) -> None:
        super().__init__(step, step_derivative)


class Identity(Elementwise):
    """``identity`` as a layer."""

    def __init__(self) -> None:
        super().__init__(identity, identity_derivative)


class Sigmoid(Elementwise):
    """``sigmoid`` as a layer."""

    def __init__(self) -> None:
        super().__init__(sigmoid, sigmoid_derivative)


class Tanh(Elementwise):
    """``tanh`` as a layer."""

    def __init__(self) -> None:
        super().__init__(tanh, tanh_derivative)


class ReLU(Elementwise):
    """``relu`` as a layer."""

    def __init__(self) -> None:
        super().__init__(relu, relu_derivative)


class LeakyReLU(Elementwise):
    """``leaky_relu`` as a layer."""

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__(
            partial(leaky_relu, slope=slope), partial(leaky_relu_derivative, slope=slope)
        )


class ELU(Elementwise):
    """``elu`` as a layer."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(partial(elu, alpha=alpha), partial(elu_derivative, alpha=alpha))


class GELU(Elementwise):
    """``gelu`` as a layer."""

    def __init__(self) -> None:
        super().__init__(gelu, gelu_derivative)


class Softmax(Layer):
    """``softmax`` along the last axis, as a layer.

    To train a classifier, leave it out and use ``losses.softmax_cross_entropy``: the same
    function, without the rounding between the two steps.
    """

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        Y = softmax(X)

        def backprop(dY: Floats) -> Floats:
            # The Jacobian times dY, without building it.
            return Y * (dY - np.sum(dY * Y, axis=-1, keepdims=True))

        return Y, backprop
