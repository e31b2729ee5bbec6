"""Layer normalisation: each sample gets mean 0 and variance 1 over its own numbers.

    Z = (X - mean) / sqrt(variance + eps)        Y = gamma Z + beta

Ba, Kiros and Hinton 2016, section 3 (https://arxiv.org/abs/1607.06450). Unlike batch
normalisation it depends on no other sample, and is the same in training and outside of it.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter, floats


class LayerNorm(Layer):
    """Over the last axis. X (..., D) -> Y (..., D).

    Args:
        width: D.
        eps: added to the variance; BERT's is 1e-12.

    Raises:
        ShapeError: in ``forward``, the last axis is not ``width``.
    """

    def __init__(self, width: int, *, eps: float = 1e-5) -> None:
        self.gamma = Parameter(np.ones(width))
        self.beta = Parameter(np.zeros(width))
        self.eps = eps

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        gamma, beta = self.gamma, self.beta
        X = floats(X, gamma.value.dtype)
        width = len(gamma.value)
        if X.ndim == 0 or X.shape[-1] != width:
            raise ShapeError(
                f"X {X.shape}", where="LayerNorm", rule=f"the last axis of X has {width} numbers"
            )
        deviation = np.sqrt(X.var(axis=-1, keepdims=True) + self.eps)  # (..., 1)
        Z = (X - X.mean(axis=-1, keepdims=True)) / deviation
        Y = Z * gamma.value + beta.value

        def backprop(dY: Floats) -> Floats:
            before = tuple(range(X.ndim - 1))
            beta.grad += dY.sum(axis=before)
            gamma.grad += (dY * Z).sum(axis=before)
            dZ = dY * gamma.value
            # Each number also moved the mean, and the variance, of its row.
            dZ = dZ - dZ.mean(axis=-1, keepdims=True)
            return (dZ - Z * (dZ * Z).mean(axis=-1, keepdims=True)) / deviation

        return Y, backprop
