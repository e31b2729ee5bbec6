"""Pooling: each window of an image becomes one number, its largest or its mean.

It makes images smaller and what follows indifferent to small shifts (LeCun et al. 1998, section
II.A). There is nothing to learn. The gradient goes back to the pixel that was the largest, or in
equal parts to all.

Shapes: B images, C channels, H rows, W columns; H' and W' after the kernel.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Layer
from hfdl.foundations.vision.windows import (
    Index,
    Size,
    images,
    output_sizes,
    padded,
    pair,
    stops,
    unpadded,
)


class _Pool2d(Layer):
    """Common code of the pooling layers.

    Args:
        kernel_size: pixels of a window (down, across), or one number for both.
        stride: pixels from one window to the next; the kernel's size where it is None, so that
            the windows lie side by side.
        padding: pixels around the image, at most half the kernel, so that no window lies in the
            margin alone.

    Raises:
        ShapeError: an impossible size; in ``forward``, X is not (B, C, H, W), or an image is
            smaller than a window.
    """

    def __init__(self, kernel_size: Size, *, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel = pair(kernel_size, "kernel_size")
        self.stride = self.kernel if stride is None else pair(stride, "stride")
        self.padding = pair(padding, "padding", least=0)
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ShapeError(
                f"padding {self.padding} around windows of {self.kernel}",
                rule="the padding of a pooling layer is at most half of its kernel",
            )

    def _windows(self, X: Any, margin: float = 0.0) -> tuple[Floats, list[Index]]:
        """X with its margin, and for each pixel of a window the index of it in all windows."""
        X = images(X, type(self).__name__)
        out = output_sizes(X.shape, self.kernel, self.stride, self.padding)
        return padded(X, self.padding, margin), list(stops(self.kernel, self.stride, out))


class MaxPool2d(_Pool2d):
    """(B, C, H, W) -> (B, C, H', W'): the largest pixel of each window.

    Of equal ones the first, row by row, is the largest: it alone gets the gradient. NaN stays NaN.
    """

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        margined, indices = self._windows(X, -np.inf)
        Y = margined[indices[0]].copy()  # (B, C, H', W')
        # The largest pixel's number in its window, in the smallest type: one byte, mostly.
        winner = np.zeros(Y.shape, dtype=np.min_scalar_type(len(indices)))
        for n, index in enumerate(indices[1:], start=1):
            pixels = margined[index]  # (B, C, H', W'), the n-th pixel of every window
            np.putmask(winner, pixels > Y, n)
            np.maximum(Y, pixels, out=Y)

        def backprop(dY: Floats) -> Floats:
            dX = np.zeros(margined.shape, dtype=dY.dtype)
            for n, index in enumerate(indices):
                dX[index] += dY * (winner == n)
            return unpadded(dX, self.padding)

        return Y, backprop


class AvgPool2d(_Pool2d):
    """(B, C, H, W) -> (B, C, H', W'): the mean of each window.

    Padding counts as zeros, which is torch's default.
    """

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        margined, indices = self._windows(X)
        Y = np.zeros_like(margined[indices[0]])  # (B, C, H', W')
        for index in indices:
            Y += margined[index]
        Y /= len(indices)

        def backprop(dY: Floats) -> Floats:
            share = dY / len(indices)
            dX = np.zeros(margined.shape, dtype=dY.dtype)
            for index in indices:
                dX[index] += share
            return unpadded(dX, self.padding)

        return Y, backprop


# ---- From images to rows of numbers, between the convolutions and the dense layers ---------------


class Flatten(Layer):
    """(B, anything) -> (B, N): the axes after the first become one, the last one fastest.

    Raises:
        ShapeError: in ``forward``, X has no batch axis.
    """

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = np.asarray(X)
        if X.ndim == 0:
            raise ShapeError("a single number", rule="Flatten takes a batch, (B, ...)")

        def backprop(dY: Floats) -> Floats:
            return dY.reshape(X.shape)  # (B, N) -> (B, ...)

        # Not reshape(B, -1): for an empty batch -1 is undefined.
        return X.reshape(X.shape[0], math.prod(X.shape[1:])), backprop
