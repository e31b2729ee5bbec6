"""Losses: one number that measures how wrong the predictions are, and its gradient.

    loss, backprop = mse(prediction, target)
    dPrediction = backprop()

Every loss is a mean, so its size does not depend on how many samples there are: mse, mae and the
binary ones over all numbers, the categorical ones over all samples. Classifiers are best trained
on scores (logits) with ``sigmoid_cross_entropy`` or ``softmax_cross_entropy``. Those on
probabilities clip them at 1e-7, so that a certain mistake costs 16.1 and not infinity; where a
probability is clipped the loss is flat, and its gradient zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.activations import sigmoid, softmax
from hfdl.foundations.layer import Booleans, Floats, floats

CLIP = 1e-7
"""Probabilities are kept in [1e-7, 1 - 1e-7]."""

LossBackprop = Callable[[], Floats]
"""Returns the gradient of a loss by its prediction."""

Loss = Callable[[Any, Any], tuple[float, LossBackprop]]
"""From a prediction and a target to the loss and its backward pass."""


def mse(prediction: Any, target: Any) -> tuple[float, LossBackprop]:
    """Mean squared error, mean((prediction - target)^2).

    Args:
        prediction: any shape.
        target: the same shape.

    Raises:
        ShapeError: the shapes differ; (B, 1) and (B,) would make B times B differences.
    """
    prediction, target = same_shape(prediction, target)
    error: Floats = prediction - target

    def backprop() -> Floats:
        return 2.0 / error.size * error

    return float(np.mean(error**2)), backprop


def mae(prediction: Any, target: Any) -> tuple[float, LossBackprop]:
    """Mean absolute error, mean(|prediction - target|). Arguments as in ``mse``.

    One far-off sample pulls as hard as any other. The gradient where the two are equal is 0.
    """
    prediction, target = same_shape(prediction, target)
    error: Floats = prediction - target

    def backprop() -> Floats:
        return np.sign(error) / error.size

    return float(np.mean(np.abs(error))), backprop


def binary_cross_entropy(prediction: Any, target: Any) -> tuple[float, LossBackprop]:
    """-mean(t log p + (1 - t) log(1 - p)).

    Args:
        prediction: probabilities of yes, any shape.
        target: the same shape, 1 for yes and 0 for no, or a probability.

    Raises:
        ShapeError: the shapes differ.
    """
    prediction, t = same_shape(prediction, target)
    p: Floats = np.clip(prediction, CLIP, 1.0 - CLIP)

    def backprop() -> Floats:
        inside = prediction == p
        return inside * (p - t) / (p * (1.0 - p)) / p.size

    return float(-np.mean(t * np.log(p) + (1.0 - t) * np.log1p(-p))), backprop


def sigmoid_cross_entropy(logits: Any, target: Any) -> tuple[float, LossBackprop]:
    """``binary_cross_entropy`` of sigmoid(logits), without clipping.

    -log sigmoid(z) is log(1 + exp(-z)), which is computed as max(-z, 0) + log(1 + exp(-|z|)). The
    sigmoid's derivative cancels against the loss's: the gradient is p - t, even where p rounds to
    0 or 1, and a certain mistake is corrected with full strength.

    Args:
        logits: scores, any shape; 0 is undecided.
        target: the same shape, 1 for yes and 0 for no, or a probability.

    Raises:
        ShapeError: the shapes differ.
    """
    z, t = same_shape(logits, target)

    def backprop() -> Floats:
        return (sigmoid(z) - t) / z.size

    each = np.maximum(z, 0.0) - z * t + np.log1p(np.exp(-np.abs(z)))
    return float(np.mean(each)), backprop


def categorical_cross_entropy(prediction: Any, target: Any) -> tuple[float, LossBackprop]:
    """-mean(log p of the right class).

    Args:
        prediction: (..., C) probabilities of C classes; each row sums to 1.
        target: (...) whole numbers, the right classes (-100: the row does not count); or (..., C),
            one-hot, or any probabilities, of which the loss is -sum(t log p).

    Raises:
        ShapeError: the shapes do not fit.
        DataError: a class is not below C, or classes are no whole numbers.
    """
    prediction = floats(prediction)
    t, count = class_targets(prediction, target)
    p = np.clip(prediction, CLIP, 1.0 - CLIP)

    def backprop() -> Floats:
        inside = prediction == p
        return -(inside * t) / (p * count)

    return float(-np.sum(t * np.log(p)) / count), backprop


def softmax_cross_entropy(logits: Any, target: Any) -> tuple[float, LossBackprop]:
    """``categorical_cross_entropy`` of softmax(logits), without clipping.

    log p_i = z_i - log(sum_j exp(z_j)), with the largest score taken off first. The gradient is
    p - t: what was said minus what is right.

    Args:
        logits: (..., C) scores.
        target: as in ``categorical_cross_entropy``; rows of probabilities sum to 1.

    Raises:
        ShapeError, DataError: as in ``categorical_cross_entropy``.
    """
    z = floats(logits)
    t, count = class_targets(z, target)
    shifted = z - z.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))

    def backprop() -> Floats:
        # A row that does not count has no target, and no gradient: its t sums to 0, others' to 1.
        return (softmax(z) * t.sum(axis=-1, keepdims=True) - t) / count

    right = t != 0.0  # 0 times a log-probability of minus infinity would be NaN
    return float(-np.sum(t[right] * log_p[right]) / count), backprop


# ---- Checks of targets, and their conversion to the prediction's shape ---------------------------

IGNORED = -100
"""The class of a sample that is left out, such as padding; torch's ignore_index."""


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
        index = tuple(wrong[0])
        raise DataError(
            f"the target at {index} is class {int(target[index])}",
            rule=f"{classes} classes are numbered from 0 to {classes - 1}",
        )
    one_hot = cast(
        "Booleans", target[..., None] == np.arange(classes)
    )  # (..., C); never true for -100
    return one_hot.astype(prediction.dtype), float(max(1, np.count_nonzero(counts)))
