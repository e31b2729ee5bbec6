"""Optimisers with a step size for each number: RMSProp, Adam and AdamW.

A gradient divided by its own typical size is near 1, whatever the units. The typical size is the
root of an exponentially weighted average of squares. Where the notes differ, torch and the papers
are followed:

* eps is added outside of the root (the notes print it inside, and leave it out once);
* Adam corrects both averages for their start at zero, and averages the gradient too (the notes'
  formula has neither, and uses one letter for two averages);
* RMSProp forgets faster: 0.99, not 0.999, which is Adam's.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hfdl.foundations.layer import Floats, Parameter
from hfdl.foundations.optimizers.base import Optimizer


class RMSProp(Optimizer):
    """s = beta * s + (1 - beta) * g^2;  w -= rate * g / (sqrt(s) + eps).

    Hinton 2012, Coursera lecture 6e. s begins at zero and is not corrected, so the first step is
    1 / sqrt(1 - beta) times too long: ten times for 0.99.

    Args:
        parameters, learning_rate, weight_decay: see ``Optimizer``.
        beta: share of the past in the average, in [0, 1); torch calls it alpha.
        eps: against division by zero.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.01,
        *,
        beta: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        self.require(0.0 <= beta < 1.0, beta=beta, rule="from 0 to below 1")
        self.require(eps > 0.0, eps=eps, rule="above 0")
        self.beta, self.eps = beta, eps
        self.squares = self.memory()

    def direction(self, i: int, gradient: Floats) -> Floats:
        self.squares[i] = self.beta * self.squares[i] + (1.0 - self.beta) * gradient**2
        return gradient / (np.sqrt(self.squares[i]) + self.eps)


class Adam(Optimizer):
    """Momentum and RMSProp together, both corrected for their start at zero.

        m = beta1 * m + (1 - beta1) * g              m^ = m / (1 - beta1^t)
        s = beta2 * s + (1 - beta2) * g^2            s^ = s / (1 - beta2^t)
        w -= rate * m^ / (sqrt(s^) + eps)

    Kingma and Ba 2015, algorithm 1 (https://arxiv.org/abs/1412.6980).

    Args:
        parameters, learning_rate, weight_decay: see ``Optimizer``.
        betas: share of the past in m and in s, each in [0, 1).
        eps: against division by zero.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        for beta in betas:
            self.require(0.0 <= beta < 1.0, beta=beta, rule="from 0 to below 1")
        self.require(eps > 0.0, eps=eps, rule="above 0")
        self.betas, self.eps = betas, eps
        self.means, self.squares = self.memory(), self.memory()
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        super().step()

    def direction(self, i: int, gradient: Floats) -> Floats:
        beta1, beta2 = self.betas
        self.means[i] = beta1 * self.means[i] + (1.0 - beta1) * gradient
        self.squares[i] = beta2 * self.squares[i] + (1.0 - beta2) * gradient**2
        mean = self.means[i] / (1.0 - beta1**self.steps)
        square = self.squares[i] / (1.0 - beta2**self.steps)
        return mean / (np.sqrt(square) + self.eps)


class AdamW(Adam):
    """Adam whose weight decay stays out of the averages: w -= rate * weight_decay * w, beside it.

    In Adam, a decay in the gradient is divided by the gradient's size: weights that move much are
    hardly shrunk. Here all shrink at the same rate. Loshchilov and Hutter 2019, algorithm 2
    (https://arxiv.org/abs/1711.05101). Arguments as in ``Adam``.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, learning_rate, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self) -> None:
        self.steps += 1
        for i, parameter in enumerate(self.parameters):
            parameter.value *= 1.0 - self.learning_rate * self.weight_decay
            parameter.value -= self.learning_rate * self.direction(i, parameter.grad)
