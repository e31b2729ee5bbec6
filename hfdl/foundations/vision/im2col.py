"""All windows of an image as the columns of a matrix, and back.

Shapes: B images, C channels, H rows, W columns; a kernel (kh, kw) stops H' * W' times.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hfdl.foundations.layer import Floats
from hfdl.foundations.vision.windows import output_size, stops


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
    B, C, H, W = shape
    out = output_size(H, kernel[0], stride=stride[0]), output_size(W, kernel[1], stride=stride[1])
    parts = columns.reshape(B, C, kernel[0] * kernel[1], *out)
    X = np.zeros(shape, dtype=columns.dtype)
    for n, index in enumerate(stops(kernel, stride, out)):
        X[index] += parts[:, :, n]  # (B, C, H', W')
    return X
