"""Convolution over images, and over texts, with its backward (LeCun et al. 1989, 1998).

    Y[b, o, r, s] = bias[o] + sum over c, i, j of W[o, c, i, j] * X[b, c, S r + i, S s + j]

A kernel looks at a small window, the same one at every stop. (Strictly this is correlation: the
kernel is not flipped. Every deep-learning library calls it convolution.) All windows are laid
side by side as the columns of a matrix (``im2col``); then a convolution is one matrix product an
image. Its backward is the backward of a product, and ``col2im``, which puts the columns back and
adds up where windows overlap.

Shapes: B images, C channels in, O channels out, H rows, W columns; H' and W' after the kernel
(kh, kw), which stops H' * W' times.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hfdl.errors import ShapeError
from hfdl.foundations.initialization import Rng, he_normal
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter
from hfdl.foundations.vision.windows import (
    Size,
    images,
    output_sizes,
    padded,
    pair,
    stops,
    unpadded,
)


def im2col(X: Floats, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> Floats:
    """All windows as columns: (B, C, H, W) -> (B, C * kh * kw, H' * W').

    A pixel that lies in several windows is copied several times.
    """
    windows = sliding_window_view(X, kernel, axis=(2, 3))  # (B, C, H - kh + 1, W - kw + 1, kh, kw)
    windows = windows[:, :, :: stride[0], :: stride[1]]  # (B, C, H', W', kh, kw)
    B, C, rows, columns, kh, kw = windows.shape
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(B, C * kh * kw, rows * columns)


def col2im(
    columns: Floats,
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
) -> Floats:
    """The transpose of ``im2col``: (B, C * kh * kw, H' * W') -> ``shape`` (B, C, H, W).

    Each pixel is the sum of its copies; one in no window is 0.
    """
    B, C = shape[:2]
    out = output_sizes(shape, kernel, stride)
    parts = columns.reshape(B, C, kernel[0] * kernel[1], *out)
    X = np.zeros(shape, dtype=columns.dtype)
    for n, index in enumerate(stops(kernel, stride, out)):
        X[index] += parts[:, :, n]  # (B, C, H', W')
    return X


class Conv2d(Layer):
    """(B, C, H, W) -> (B, O, H', W'), H' and W' as ``output_size`` says.

    Args:
        in_channels: C.
        out_channels: O, the number of kernels.
        kernel_size: pixels (down, across), or one number for both.
        stride: pixels from one stop to the next.
        padding: pixels of zeros around the image. "same" keeps H and W; it needs a stride of 1 and
            an odd kernel, which has as many pixels before its middle as after it.
        rng: where W is drawn from, normal with a variance of 2 / (C kh kw), for a ReLU after it;
            see ``initialization.he_normal``. The bias begins at zero.

    Raises:
        ShapeError: an impossible size; in ``forward``, X is not (B, C, H, W), or an image is
            smaller than the kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Size | str = 0,
        rng: Rng = None,
    ) -> None:
        self.kernel, self.stride = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        self.padding = _padding(padding, self.kernel, self.stride)
        shape = (*pair((out_channels, in_channels), "(out_channels, in_channels)"), *self.kernel)
        area = self.kernel[0] * self.kernel[1]
        self.W = Parameter(he_normal(shape, rng, fans=(in_channels * area, out_channels * area)))
        self.b = Parameter(np.zeros(out_channels))

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = images(X, "Conv2d", channels=self.W.value.shape[1], dtype=self.W.value.dtype)
        out = output_sizes(X.shape, self.kernel, self.stride, self.padding)  # (H', W')
        margined = padded(X, self.padding)
        columns = im2col(margined, self.kernel, self.stride)  # (B, C kh kw, H' W')
        W = self.W.value.reshape(len(self.W.value), -1)  # (O, C kh kw)
        Y = W @ columns  # (O, C kh kw) @ (B, C kh kw, H' W') -> (B, O, H' W')
        Y += self.b.value[:, None]

        def backprop(dY: Floats) -> Floats:
            dY = dY.reshape(Y.shape)  # (B, O, H', W') -> (B, O, H' W')
            dW = (dY @ columns.transpose(0, 2, 1)).sum(axis=0)  # (O, C kh kw)
            self.W.grad += dW.reshape(self.W.grad.shape)
            self.b.grad += dY.sum(axis=(0, 2))
            dcolumns = W.T @ dY  # (B, C kh kw, H' W')
            return unpadded(
                col2im(dcolumns, margined.shape, self.kernel, self.stride), self.padding
            )

        return Y.reshape(*Y.shape[:2], *out), backprop


class Conv1d(Layer):
    """(B, C, T) -> (B, O, T'): a kernel over words or time steps (Kim 2014, arXiv:1408.5882).

    An image of one row. Sizes are whole numbers; the rest is as in ``Conv2d``, with X (B, C, T).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | str = 0,
        rng: Rng = None,
    ) -> None:
        margin: Size | str = padding if isinstance(padding, str) else (0, padding)
        self.image = Conv2d(
            in_channels, out_channels, (1, kernel_size), stride=(1, stride), padding=margin, rng=rng
        )

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = np.asarray(X)
        if X.ndim != 3:
            raise ShapeError(f"Conv1d got an input of shape {X.shape}", rule="it takes (B, C, T)")
        Y, back = self.image.forward(X[:, :, None], train=train)  # (B, C, 1, T) -> (B, O, 1, T')

        def backprop(dY: Floats) -> Floats:
            return back(dY[:, :, None])[:, :, 0]

        return Y[:, :, 0], backprop


def _padding(
    padding: Size | str, kernel: tuple[int, int], stride: tuple[int, int]
) -> tuple[int, int]:
    if not isinstance(padding, str):
        return pair(padding, "padding", least=0)
    if padding != "same" or stride != (1, 1) or not (kernel[0] % 2 and kernel[1] % 2):
        raise ShapeError(
            f"padding {padding!r} with kernel {kernel} and stride {stride}",
            rule='padding is a number of pixels, or "same" with an odd kernel and a stride of 1',
        )
    return kernel[0] // 2, kernel[1] // 2
