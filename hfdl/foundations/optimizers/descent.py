"""Gradient descent: plain, with momentum, and with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable

from hfdl.foundations.layer import Floats, Parameter
from hfdl.foundations.optimizers.base import Optimizer


class SGD(Optimizer):
    """w -= rate * g: batch, mini-batch or stochastic descent, by the samples that g is taken of."""

    def direction(self, i: int, gradient: Floats) -> Floats:
        return gradient


class Momentum(Optimizer):
    """v = momentum * v + g;  w -= rate * v. A ball that rolls, not a walker.

    torch's form (Sutskever et al. 2013, equations 1 and 2, with the rate taken out of v). Steps in
    a steady direction grow up to 1 / (1 - momentum) times: ten times for 0.9. The notes' form is
    ``AveragedMomentum``.

    Args:
        parameters, learning_rate, weight_decay: see ``Optimizer``.
        momentum: share of the last v, in [0, 1).
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay=weight_decay)
        self.require(0.0 <= momentum < 1.0, momentum=momentum, rule="from 0 to below 1")
        self.momentum = momentum
        self.velocity = self.memory()

    def direction(self, i: int, gradient: Floats) -> Floats:
        self.velocity[i] = self.momentum * self.velocity[i] + gradient
        return self.velocity[i]


class AveragedMomentum(Momentum):
    """v = momentum * v + (1 - momentum) * g;  w -= rate * v: the notes' form.

    v is an exponentially weighted average of the gradients. It is ``Momentum`` at a learning rate
    of (1 - momentum) * rate, step for step: at one rate, the two differ tenfold for 0.9.
    """

    def direction(self, i: int, gradient: Floats) -> Floats:
        return super().direction(i, (1.0 - self.momentum) * gradient)


class Nesterov(Momentum):
    """v = momentum * v + g;  w -= rate * (g + momentum * v): momentum that looks ahead.

    Nesterov 1983, in the form of torch, where gradients are those at w (Sutskever et al. 2013,
    equations 3 and 4, with w moved by momentum * v).
    """

    def direction(self, i: int, gradient: Floats) -> Floats:
        return gradient + self.momentum * super().direction(i, gradient)
