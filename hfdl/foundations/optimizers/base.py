"""Base class of the optimisers: parameters, a learning rate, and weight decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Floats, Parameter, floats


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
        """The step of parameter ``i``, before the sign and the learning rate.

        Args:
            i: its index in ``parameters``, for what an optimiser keeps of each.
            gradient: with weight decay. It must not be changed.
        """
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for parameter in self.parameters:
            parameter.grad[...] = 0.0

    def memory(self) -> list[Floats]:
        """Zeros, an array for each parameter, of its shape and precision."""
        return [np.zeros_like(parameter.value) for parameter in self.parameters]

    def require(self, fits: bool, *, rule: str, **setting: float) -> None:
        """Raise a ``ConfigError`` for a setting that is out of its range."""
        if not fits:
            ((name, value),) = setting.items()
            raise ConfigError(f"{name} is {value}", where=type(self).__name__, rule=f"it is {rule}")


# ---- The exponentially weighted average: a mean that forgets -------------------------------------
# v_t = beta v_(t-1) + (1 - beta) x_t,     v_0 = 0
#
# The value of k steps ago has weight (1 - beta) beta^k, so about the last 1 / (1 - beta) values
# count: ten for 0.9. Because v_0 is zero, the weights of the first t values sum to 1 - beta^t only,
# and the average starts too low. Dividing by that sum corrects it (Kingma and Ba 2015, section 3).


def exponential_average(values: Any, beta: float = 0.9, *, bias_correction: bool = True) -> Floats:
    """The average after each value, along the first axis.

    Args:
        values: (T, ...).
        beta: share of the past, in [0, 1); 0 returns the values themselves.
        bias_correction: whether to divide by 1 - beta^t. With it, the first average is the first
            value; without it, it is (1 - beta) of that.

    Returns:
        (T, ...).

    Raises:
        ConfigError: beta is not in [0, 1).
    """
    if not 0.0 <= beta < 1.0:
        raise ConfigError(f"beta is {beta}", rule="the share of the past is from 0 to below 1")
    values = floats(values)
    averages = np.empty_like(values)
    average = np.zeros_like(values[:1].sum(axis=0))  # the shape of one value, also where T is 0
    for t, value in enumerate(values, start=1):
        average = beta * average + (1.0 - beta) * value
        averages[t - 1] = average / (1.0 - beta**t) if bias_correction else average
    return averages
