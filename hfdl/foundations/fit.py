"""The training loop: forward, loss, backward, optimizer step; for each batch of each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hfdl.errors import ConfigError, ShapeError, TrainingError
from hfdl.foundations.accuracy import OF_LOSS, Accuracy
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Floats, Ints, Layer
from hfdl.foundations.losses import Loss
from hfdl.foundations.optimizers import Optimizer
from hfdl.foundations.regularization import EarlyStopping, clip_by_norm
from hfdl.foundations.schedules import Schedule
from hfdl.foundations.state import restore, state_of

Augment = Callable[[Any, Any], Any]
"""From a batch of inputs and a source of random numbers to the batch that is trained on."""


@dataclass
class History:
    """Losses and accuracies of a training, one entry for each epoch.

    ``loss`` and ``accuracy`` are means over the epoch's batches, each taken before its update, with
    dropout on: they lag behind the validation figures, which are taken after the epoch. Lists stay
    empty where there was nothing to measure: accuracies of losses such as mse, validation figures
    without validation data.
    """

    loss: list[float] = field(default_factory=list[float])
    accuracy: list[float] = field(default_factory=list[float])
    validation_loss: list[float] = field(default_factory=list[float])
    validation_accuracy: list[float] = field(default_factory=list[float])


def fit(
    network: Layer,
    loss: Loss,
    data: Data,
    *,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int | None,
    validation: Data | None = None,
    rng: Rng = 0,
    schedule: Schedule | None = None,
    early_stopping: EarlyStopping | None = None,
    clip_norm: float | None = None,
    augment: Augment | None = None,
    accuracy: Accuracy | None = None,
) -> History:
    """Train a network.

    Args:
        network: changed in place.
        loss: of ``losses``.
        data: inputs and targets. The samples are shuffled before each epoch.
        optimizer: of ``network.parameters()``.
        epochs: passes over the data at most.
        batch_size: samples for each update; the last batch may be smaller. 1 is stochastic
            gradient descent, None (all samples) is batch gradient descent.
        validation: inputs and targets that are measured after each epoch, never trained on.
        rng: of the shuffling and of ``augment``; see ``initialization.generator``.
        schedule: from the number of updates made so far to the learning rate of the next.
        early_stopping: ends training, and puts back the best epoch's numbers, at whatever epoch
            training ends.
        clip_norm: the gradients' common length is cut to this before each update.
        augment: changes the inputs of each batch, given a source of random numbers.
        accuracy: how right answers are counted; None: the one of the loss in ``accuracy.OF_LOSS``.

    Raises:
        ConfigError: early stopping has nothing to watch, or a number is out of its range.
        ShapeError: inputs and targets differ in number, or there are none.
        TrainingError: the loss is not finite any more; see ``update``.
    """
    accuracy = accuracy or OF_LOSS.get(loss)
    X, target = arrays(data)
    _check(epochs, batch_size, validation, early_stopping, accuracy)
    random = generator(rng)
    history = History()
    best = {}
    if early_stopping is not None:
        early_stopping.reset()
        best = state_of(network)
    updates = 0
    for epoch in range(epochs):
        total = right = 0.0
        for chosen in batches(random.permutation(len(X)), batch_size):
            inputs = X[chosen] if augment is None else augment(X[chosen], random)
            if schedule is not None:
                optimizer.learning_rate = schedule(updates)
            value, prediction = update(
                network, loss, inputs, target[chosen], optimizer, clip_norm=clip_norm,
                where=f"epoch {epoch}, update {updates}",
            )  # fmt: skip
            updates += 1
            total += value * len(chosen)
            right += accuracy(prediction, target[chosen]) * len(chosen) if accuracy else 0.0
        history.loss.append(total / len(X))
        if accuracy:
            history.accuracy.append(right / len(X))
        if validation is not None:
            value, share = evaluate(network, loss, validation, accuracy=accuracy)
            history.validation_loss.append(value)
            if share is not None:
                history.validation_accuracy.append(share)
        if early_stopping is not None:
            if early_stopping.update(epoch, getattr(history, early_stopping.monitor)[-1]):
                best = state_of(network)
            if early_stopping.stop:
                break
    if early_stopping is not None:
        restore(network, best)
    return history


def _check(
    epochs: int,
    batch_size: int | None,
    validation: Data | None,
    early_stopping: EarlyStopping | None,
    accuracy: Accuracy | None,
) -> None:
    if epochs < 0 or (batch_size is not None and batch_size < 1):
        raise ConfigError(
            f"epochs {epochs}, batch_size {batch_size}",
            rule="epochs are 0 or more, a batch has one sample at least",
        )
    if early_stopping is None:
        return
    if validation is None:
        raise ConfigError(
            f"early stopping watches {early_stopping.monitor}, and there is no validation data",
            remedy="give validation=(X, target)",
        )
    if early_stopping.monitor == "validation_accuracy" and accuracy is None:
        raise ConfigError(
            "early stopping watches validation_accuracy, which this loss does not have",
            remedy="give an accuracy, or watch validation_loss",
        )


# ---- One update on one batch, and an evaluation: the parts of a training loop --------------------

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
    """Forward, loss, backward and one step of the optimizer.

    Args:
        network, loss, inputs, target, optimizer, clip_norm: see ``fit``.
        where: names the update in an error.

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
            remedy="lower the learning rate, or give clip_norm=1.0",
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
    """The loss and the accuracy on data, without training on it.

    Args:
        network, loss, data, accuracy: see ``fit``.
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
