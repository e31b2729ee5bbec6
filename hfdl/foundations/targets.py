"""Targets in the form that losses and accuracies compute with, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.floats import floats
from hfdl.foundations.layer import Floats

IGNORED = -100
"""The class of a sample that does not count, such as padding; torch's number."""


def same_shape(prediction: Any, target: Any) -> tuple[Floats, Floats]:
    """Both as floats, the target in the prediction's precision.

    Raises:
        ShapeError: the shapes differ, or there are no numbers.
    """
    prediction = floats(prediction)
    target = np.asarray(target)
    if prediction.shape != target.shape:
        raise ShapeError(
            f"prediction {prediction.shape}, target {target.shape}",
            rule="they have one shape",
            remedy="give a target of (B,) as target[:, None] where the prediction is (B, 1)",
        )
    if not prediction.size:
        raise ShapeError(f"prediction {prediction.shape}", rule="a mean needs one number at least")
    return prediction, target.astype(prediction.dtype)


def class_targets(prediction: Floats, target: Any) -> tuple[Floats, float]:
    """Targets as probabilities of the prediction's shape, and how many samples count.

    Args:
        prediction: (..., C).
        target: (...) whole numbers, -100 for a sample that does not count; or (..., C).

    Returns:
        (..., C), zeros in rows that do not count; and the number of the others, 1 where there is
        none, so that their mean is 0.

    Raises:
        ShapeError: the shapes do not fit, or there is no sample.
        DataError: a class is below 0 or not below C, or is no whole number.
    """
    target = np.asarray(target)
    if not prediction.size:
        raise ShapeError(f"prediction {prediction.shape}", rule="a mean needs one sample at least")
    if target.shape == prediction.shape:
        return target.astype(prediction.dtype), float(np.prod(prediction.shape[:-1]))
    if target.shape != prediction.shape[:-1]:
        raise ShapeError(
            f"prediction {prediction.shape}, target {target.shape}",
            rule="the target is a class for each sample, or has the prediction's shape",
        )
    if not np.issubdtype(target.dtype, np.integer):
        raise DataError(f"classes of {target.dtype}", rule="classes are whole numbers")
    counts = target != IGNORED
    classes = prediction.shape[-1]
    if wrong := np.argwhere(counts & ((target < 0) | (target >= classes))).tolist():
        place = tuple(wrong[0])
        raise DataError(
            f"the target at {place} is class {int(target[place])}",
            rule=f"{classes} classes are numbered from 0 to {classes - 1}",
        )
    one_hot = target[..., None] == np.arange(classes)  # (..., C); never true for -100
    return one_hot.astype(prediction.dtype), float(max(1, np.count_nonzero(counts)))
