"""Where a kernel stops on an image: common code of convolution and pooling.

A kernel of (kh, kw) pixels moves over the padded image in steps of the stride. It never goes beyond
the edge: pixels that are left over there are not used.

Shapes: B images, C channels, H rows, W columns; H' and W' are the numbers of stops.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Floats, floats

Size = int | tuple[int, int]
"""One number for both directions, or (down, across)."""

Index = tuple[slice, ...]


def output_size(width: int, kernel: int, *, stride: int = 1, padding: int = 0) -> int:
    """How often a kernel fits: floor((W - K + 2P) / S) + 1.

    Args:
        width: pixels along this axis (W).
        kernel: pixels of the kernel along this axis (K).
        stride: pixels from one stop to the next (S).
        padding: pixels added at each of the two ends (P).

    Raises:
        ShapeError: a size that is none, or a kernel larger than the padded image.
    """
    smallest = {"width": (width, 1), "kernel": (kernel, 1), "stride": (stride, 1)}
    for name, (value, least) in {**smallest, "padding": (padding, 0)}.items():
        if value < least:
            raise ShapeError(f"a {name} of {value}", rule=f"the {name} is {least} or more")
    if kernel > width + 2 * padding:
        raise ShapeError(
            f"a kernel of {kernel} does not fit into {width} pixels with padding {padding}",
            rule=f"the kernel is at most width + 2 * padding, here {width + 2 * padding}",
            remedy="use a smaller kernel, more padding, or fewer pooling layers before this one",
        )
    return (width - kernel + 2 * padding) // stride + 1


def output_sizes(
    shape: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
) -> tuple[int, int]:
    """(H', W') of images of a shape (B, C, H, W); errors as in ``output_size``."""
    H, W = (
        output_size(size, k, stride=s, padding=p)
        for size, k, s, p in zip(shape[2:], kernel, stride, padding, strict=True)
    )
    return H, W


def pair(size: Size, name: str, least: int = 1) -> tuple[int, int]:
    """Both directions of a size.

    Raises:
        ShapeError: not one or two whole numbers, or one below ``least``.
    """
    both = size if isinstance(size, tuple) else (size, size)
    numbers: tuple[Any, ...] = both
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in numbers)
    if len(both) != 2 or not whole or min(both) < least:
        raise ShapeError(
            f"{name} {size!r}",
            rule=f"{name} is a whole number of {least} or more, or two of them: (down, across)",
        )
    return int(both[0]), int(both[1])


def images(X: Any, layer: str, channels: int | None = None, dtype: Any = np.float64) -> Floats:
    """X as floats (whole numbers become ``dtype``), if it is a batch of images.

    Raises:
        ShapeError: not four axes, or another number of channels.
    """
    X = np.asarray(X)
    if X.ndim != 4:
        raise ShapeError(
            f"{layer} got an input of shape {X.shape}",
            rule="images are (batch, channels, rows, columns)",
            remedy="give grey images their channel: X[:, None]",
        )
    if channels is not None and X.shape[1] != channels:
        raise ShapeError(
            f"{layer} got {X.shape[1]} channels, in an input of shape {X.shape}",
            rule=f"it was made for {channels}, the second axis",
        )
    return floats(X, dtype)


def padded(X: Floats, padding: tuple[int, int], value: float = 0.0) -> Floats:
    """X with a margin: (B, C, H, W) -> (B, C, H + 2 PH, W + 2 PW)."""
    down, across = padding
    if not (down or across):
        return X
    B, C, H, W = X.shape
    P = np.full((B, C, H + 2 * down, W + 2 * across), value, dtype=X.dtype)
    P[:, :, down : down + H, across : across + W] = X
    return P


def unpadded(P: Floats, padding: tuple[int, int]) -> Floats:
    """The same without its margin, a view: what ``padded`` did, undone."""
    (down, across), (H, W) = padding, P.shape[2:]
    return P[:, :, down : H - down, across : W - across]


def stops(
    kernel: tuple[int, int], stride: tuple[int, int], out: tuple[int, int]
) -> Iterator[Index]:
    """For each pixel of the kernel, row by row: the image's pixels under it at its stops.

    ``X[index]`` is a view (B, C, H', W') for each of the kh * kw indices. They are few, so a loop
    over them costs little.
    """
    for i in range(kernel[0]):
        rows = slice(i, i + stride[0] * (out[0] - 1) + 1, stride[0])
        for j in range(kernel[1]):
            columns = slice(j, j + stride[1] * (out[1] - 1) + 1, stride[1])
            yield (slice(None), slice(None), rows, columns)
