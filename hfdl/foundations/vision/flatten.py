"""From images to rows of numbers, between the convolutions and the dense layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Layer


class Flatten(Layer):
    """(B, anything) -> (B, N): the axes after the first become one, the last one fastest."""

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        """Another shape for the same numbers.

        Raises:
            ShapeError: X has no batch axis.
        """
        X = np.asarray(X)
        if X.ndim == 0:
            raise ShapeError("a single number", rule="Flatten takes a batch, (B, ...)")

        def backprop(dY: Floats) -> Floats:
            return dY.reshape(X.shape)  # (B, N) -> (B, ...)

        # Not reshape(B, -1): a batch of none has no -1.
        return X.reshape(X.shape[0], math.prod(X.shape[1:])), backprop
