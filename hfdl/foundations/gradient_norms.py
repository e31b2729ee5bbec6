"""The norm of the gradient at each layer: vanishing and exploding gradients, measured.

The backward pass of a layer multiplies the gradient by its weights and the activation's slope.
Sigmoid's slope is 1/4 at most, so ten layers may leave a millionth (Hochreiter 1991; Glorot and
Bengio 2010, section 4.2). ReLU's is 0 or 1, and He initialisation makes up for the zeros. Weights
that are too large let the gradient explode instead.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Initializer, Rng, generator, glorot_uniform
from hfdl.foundations.layer import Layer
from hfdl.foundations.losses import Loss
from hfdl.foundations.sequential import Sequential


def deep_stack(
    depth: int,
    width: int,
    activation: Callable[[], Layer],
    *,
    init: Initializer = glorot_uniform,
    rng: Rng = None,
) -> Sequential:
    """``depth`` times a square dense layer and an activation. (B, width) -> (B, width).

    Args:
        depth: how many dense layers.
        width: of each.
        activation: makes one, such as the class ``ReLU``.
        init: how the weights begin.
        rng: see ``initialization.generator``.
    """
    random = generator(rng)
    layers: list[Layer] = []
    for _ in range(depth):
        layers += [Dense(width, width, init=init, rng=random), activation()]
    return Sequential(*layers)


def gradient_norms(
    network: Layer, loss: Loss, X: Any, target: Any, *, only: str = "W"
) -> dict[str, float]:
    """The length of each weight's gradient after one pass, first layer first.

    A copy runs: the network's gradients, running statistics and random state do not change.

    Args:
        network: any layer.
        loss: of ``losses``.
        X: its input.
        target: what the loss compares with.
        only: the last part of the names of the parameters to measure: weights, by default.

    Returns:
        norms by parameter name.
    """
    probe = copy.deepcopy(network)
    probe.zero_grad()
    prediction, backprop = probe.forward(X, train=True)
    backprop(loss(prediction, target)[1]())
    return {
        name: float(np.linalg.norm(parameter.grad))
        for name, parameter in probe.named_parameters()
        if name.rsplit(".", 1)[-1] == only
    }
