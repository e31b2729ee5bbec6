"""One update on one batch, and a measurement: what every training loop is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hfdl.errors import ShapeError, TrainingError
from hfdl.foundations.accuracy import OF_LOSS, Accuracy
from hfdl.foundations.layer import Floats, Ints, Layer
from hfdl.foundations.losses import Loss
from hfdl.foundations.optimizers import Optimizer
from hfdl.foundations.regularization import clip_by_norm

Data = tuple[Any, Any]
"""Inputs and targets, arrays with as many rows."""


def update(
    network: Layer,
    loss: Loss,
    inputs: Any,
    target: Any,
    optimizer: Optimizer,
    *,
    clip_norm: float | None = None,
    where: str | None = None,
) -> tuple[float, Floats]:
    """Predict, measure, go back, step.

    Args:
        network, loss, inputs, target, optimizer, clip_norm: see ``fit.fit``.
        where: in the training, for the error.

    Returns:
        the loss and the prediction, both from before the update.

    Raises:
        TrainingError: the loss is not finite. No parameter was changed.
    """
    prediction, backprop = network.forward(inputs, train=True)
    value, loss_backprop = loss(prediction, target)
    if not np.isfinite(value):
        raise TrainingError(
            f"the loss is {value}",
            where=where,
            rule="training needs a finite one",
            remedy="lower the learning rate, or clip gradients with clip_norm=1.0",
        )
    optimizer.zero_grad()
    backprop(loss_backprop())
    if clip_norm is not None:
        clip_by_norm(optimizer.parameters, clip_norm)
    optimizer.step()
    return value, prediction


def evaluate(
    network: Layer,
    loss: Loss,
    data: Data,
    *,
    accuracy: Accuracy | None = None,
    batch_size: int = 256,
) -> tuple[float, float | None]:
    """The loss and the accuracy on data that is not trained on.

    Args:
        network, loss, data, accuracy: see ``fit.fit``.
        batch_size: samples at a time; it bounds the memory and changes nothing else.

    Returns:
        means over the samples; None where there is no accuracy.
    """
    accuracy = accuracy or OF_LOSS.get(loss)
    X, target = arrays(data)
    total = right = 0.0
    for chosen in batches(np.arange(len(X)), batch_size):
        prediction = network(X[chosen])
        total += loss(prediction, target[chosen])[0] * len(chosen)
        right += accuracy(prediction, target[chosen]) * len(chosen) if accuracy else 0.0
    return total / len(X), right / len(X) if accuracy else None


def batches(order: Ints, batch_size: int | None) -> Iterator[Ints]:
    """An order of samples, cut into pieces of ``batch_size``; the last may be shorter."""
    size = batch_size or len(order)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def arrays(data: Data) -> tuple[Any, Any]:
    """Inputs and targets as arrays.

    Raises:
        ShapeError: they differ in number, or there are none.
    """
    X, target = (np.asarray(part) for part in data)
    if X.ndim == 0 or target.ndim == 0 or len(X) != len(target) or not len(X):
        raise ShapeError(
            f"inputs {X.shape}, targets {target.shape}",
            rule="there are as many inputs as targets, one at least",
        )
    return X, target
