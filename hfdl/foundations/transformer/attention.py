"""Scaled dot-product attention in NumPy (Vaswani et al. 2017, section 3.2.1, arXiv:1706.03762).

    Attention(Q, K, V) = softmax(Q K^T / sqrt(K)) V

Each query is compared with every key; the comparisons, made into weights that sum to 1, mix the
values. The steps are functions of their own, so that each intermediate can be looked at:

    raw = scores(q, k)                      # Q K^T
    scaled = raw * scale_of(q)              # / sqrt(K)
    weights = softmax(scaled)               # rows sum to 1
    out = weights @ v

``hfdl.foundations.transformer.attention_layer`` takes these steps too, with their backward pass.

Shapes: T queries, S keys, K head width; axes before those (batch, heads) pass through.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Booleans, Floats, floats


def attention(
    q: Floats,
    k: Floats,
    v: Floats,
    mask: Booleans | None = None,
    *,
    scale: float | None = None,
    bias: Floats | None = None,
) -> tuple[Floats, Floats]:
    """softmax(scale * Q K^T + bias) V, over the keys that the mask allows.

    Args:
        q: (..., T, K).
        k: (..., S, K).
        v: (..., S, Kv); Kv is K in nearly every model.
        mask: bool, broadcastable to (..., T, S); True = may attend. None: everything may.
        scale: what scores are multiplied by; 1 / sqrt(K) where it is None.
        bias: added to the scaled scores, broadcastable to (..., T, S) (ALiBi, T5).

    Returns:
        the output (..., T, Kv), and the weights (..., T, S): each row sums to 1, or is all zeros
        where the query may attend to nothing.

    Raises:
        ShapeError: the shapes do not fit each other, or the mask is not boolean.
    """
    check_shapes(q, k, v)
    scaled = scores(q, k) * (scale_of(q) if scale is None else scale)  # (..., T, S)
    if bias is not None:
        scaled = scaled + bias
    weights = softmax(scaled if mask is None else masked(scaled, mask))  # (..., T, S)
    return weights @ v, weights  # (..., T, Kv)


def scores(q: Floats, k: Floats) -> Floats:
    """Q K^T: how well each query fits each key. (..., T, K), (..., S, K) -> (..., T, S)."""
    return q @ np.swapaxes(k, -2, -1)


def scale_of(q: Floats) -> float:
    """1 / sqrt(K).

    The dot product of two vectors of K independent numbers of variance 1 has variance K. Divided
    by its standard deviation it stays where softmax has a slope.
    """
    return float(q.shape[-1]) ** -0.5


def masked(scaled: Floats, mask: Booleans) -> Floats:
    """Scores (..., T, S) with minus infinity, whose exponential is 0, where the mask is False.

    Raises:
        ShapeError: the mask is not boolean. An additive or a 0/1 mask would be misread silently.
    """
    mask = np.asarray(mask)
    if mask.dtype != np.bool_:
        raise ShapeError(
            f"the mask is of {mask.dtype}",
            rule="a mask is boolean, and True means that a query may attend",
        )
    return np.where(mask, scaled, -np.inf)


def softmax(x: Any, axis: int = -1) -> Floats:
    """exp(x) / sum(exp(x)) along an axis: positive, sums to 1, keeps the order.

    The largest entry is subtracted first. That changes nothing, because exp(x - m) is exp(x) /
    exp(m) above and below the line, and no exponential overflows. A row of minus infinities alone
    (a query that may attend to nothing) becomes zeros, not NaN.

    Args:
        x: any shape.
        axis: the axis that is to sum to 1.

    Returns:
        as ``x``; whole numbers become float64.
    """
    x = floats(x)
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    exponentials = np.exp(x - np.where(largest == -np.inf, 0.0, largest))
    total = np.sum(exponentials, axis=axis, keepdims=True)
    return exponentials / np.where(total == 0.0, 1.0, total)


def check_shapes(q: Floats, k: Floats, v: Floats) -> None:
    """Whether q (..., T, K), k (..., S, K) and v (..., S, Kv) fit each other.

    Raises:
        ShapeError: they do not.
    """
    shapes = f"q {q.shape}, k {k.shape}, v {v.shape}"
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(shapes, rule="attention takes q (..., T, K), k (..., S, K), v (..., S, K)")
    if q.shape[-1] != k.shape[-1]:
        raise ShapeError(shapes, rule="q and k have one head width, the last axis")
    if k.shape[-2] != v.shape[-2]:
        raise ShapeError(shapes, rule="k and v have one number of keys, the last axis but one")
