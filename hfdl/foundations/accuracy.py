"""Accuracy: the share of right answers, as each loss reads a prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.foundations import losses
from hfdl.foundations.losses import IGNORED

Accuracy = Callable[[Any, Any], float]
"""From a prediction and a target to a share in [0, 1]."""


def of_probabilities(prediction: Any, target: Any) -> float:
    """Yes from 0.5 on. Both of one shape."""
    return float(np.mean((np.asarray(prediction) >= 0.5) == (np.asarray(target) >= 0.5)))


def of_logits(prediction: Any, target: Any) -> float:
    """Yes from 0 on, which is where the sigmoid is 0.5. Both of one shape."""
    return float(np.mean((np.asarray(prediction) >= 0.0) == (np.asarray(target) >= 0.5)))


def of_classes(prediction: Any, target: Any) -> float:
    """The largest of each row, the first of equals. (..., C) against (...) or (..., C).

    Samples of class -100 do not count; where none counts, the share is 0.
    """
    target = np.asarray(target)
    found = np.argmax(prediction, axis=-1)
    if target.shape != found.shape:
        target = np.argmax(target, axis=-1)
    counts = target != IGNORED
    return float(np.sum((found == target) & counts) / max(1, np.count_nonzero(counts)))


OF_LOSS: dict[losses.Loss, Accuracy] = {
    losses.binary_cross_entropy: of_probabilities,
    losses.sigmoid_cross_entropy: of_logits,
    losses.categorical_cross_entropy: of_classes,
    losses.softmax_cross_entropy: of_classes,
}
"""Where a loss is not listed, such as mse, there is no right and wrong answer."""
