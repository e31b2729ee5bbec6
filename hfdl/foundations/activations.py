"""Activations: what bends the line, so that a stack of layers is more than one layer.

Each is a layer here, ``ReLU()``, and in ``activation_functions`` a function with its derivative,
``relu(x)`` and ``relu_derivative(x)``. All are to be had from this module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hfdl.foundations.activation_functions import (
    elu,
    elu_derivative,
    gelu,
    gelu_derivative,
    identity,
    identity_derivative,
    leaky_relu,
    leaky_relu_derivative,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    softmax,
    softmax_jacobian,
    step,
    step_derivative,
    tanh,
    tanh_derivative,
)
from hfdl.foundations.layer import Backprop, Floats, Layer

__all__ = [
    "ELU", "GELU", "Elementwise", "Identity", "LeakyReLU", "ReLU", "Sigmoid", "Softmax", "Step",
    "Tanh", "elu", "elu_derivative", "gelu", "gelu_derivative", "identity", "identity_derivative",
    "leaky_relu", "leaky_relu_derivative", "relu", "relu_derivative", "sigmoid",
    "sigmoid_derivative", "softmax", "softmax_jacobian", "step", "step_derivative", "tanh",
    "tanh_derivative",
]  # fmt: skip


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
