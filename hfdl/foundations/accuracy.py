"""Accuracy: the share of right answers, for each loss that has right and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.foundations import losses
from hfdl.foundations.layer import Booleans
from hfdl.foundations.losses import IGNORED

Accuracy = Callable[[Any, Any], float]
"""From a prediction and a target to a share in [0, 1]."""


def of_probabilities(prediction: Any, target: Any) -> float:
    """A probability of 0.5 or more is a yes. Both of one shape."""
    right: Booleans = (np.asarray(prediction) >= 0.5) == (np.asarray(target) >= 0.5)
    return float(np.mean(right))


def of_logits(prediction: Any, target: Any) -> float:
    """A score of 0 or more, where the sigmoid is 0.5, is a yes. Both of one shape."""
    right: Booleans = (np.asarray(prediction) >= 0.0) == (np.asarray(target) >= 0.5)
    return float(np.mean(right))


def of_classes(prediction: Any, target: Any) -> float:
    """The largest of each row, the first of equals. (..., C) against (...) or (..., C).

    Samples of class -100 do not count; where none counts, the share is 0.
    """
    target = np.asarray(target)
    predicted = np.argmax(prediction, axis=-1)
    if target.shape != predicted.shape:
        target = np.argmax(target, axis=-1)
    counts = target != IGNORED
    return float(np.sum((predicted == target) & counts) / max(1, np.count_nonzero(counts)))


OF_LOSS: dict[losses.Loss, Accuracy] = {
    losses.binary_cross_entropy: of_probabilities,
    losses.sigmoid_cross_entropy: of_logits,
    losses.categorical_cross_entropy: of_classes,
    losses.softmax_cross_entropy: of_classes,
}
"""A loss that is not listed, such as mse, has no right and wrong answers."""
