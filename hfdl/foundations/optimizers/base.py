"""What every optimiser has: parameters, a learning rate, and weight decay."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Floats, Parameter


class Optimizer:
    """A rule that moves parameters against their gradients.

    Args:
        parameters: what is to be learned; ``layer.parameters()``.
        learning_rate: size of a step. It may be set between steps, which is what schedules do.
        weight_decay: adds this times w to each gradient, which pulls weights towards zero. 0: no
            pull. It is twice the ``strength`` of ``regularization.l2``.

    Raises:
        ConfigError: there are no parameters, or a number is out of its range.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ConfigError(f"{type(self).__name__} was given no parameters")
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.require(0.0 <= learning_rate < np.inf, learning_rate=learning_rate, rule="0 or more")
        self.require(0.0 <= weight_decay < np.inf, weight_decay=weight_decay, rule="0 or more")

    def step(self) -> None:
        """Move every parameter, in place."""
        for i, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if self.weight_decay:
                gradient = gradient + self.weight_decay * parameter.value
            parameter.value -= self.learning_rate * self.direction(i, gradient)

    def direction(self, i: int, gradient: Floats) -> Floats:
        """Where parameter ``i`` goes, with the opposite sign, before the learning rate.

        Args:
            i: its place in ``parameters``, for what an optimiser remembers of each.
            gradient: with weight decay. It must not be changed.
        """
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad[...] = 0.0

    def memory(self) -> list[Floats]:
        """Zeros, an array for each parameter, of its shape and precision."""
        return [np.zeros_like(parameter.value) for parameter in self.parameters]

    def require(self, fits: bool, *, rule: str, **setting: float) -> None:
        """Refuse a setting that is out of its range.

        Raises:
            ConfigError: it is.
        """
        if not fits:
            ((name, value),) = setting.items()
            raise ConfigError(f"{name} is {value}", where=type(self).__name__, rule=f"it is {rule}")
