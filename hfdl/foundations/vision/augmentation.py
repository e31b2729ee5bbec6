"""Data augmentation: images shifted, turned and resized a little, by new amounts in every epoch.

    network sees augment(X, rng) instead of X; the labels stay

A digit two pixels further left is the same digit, so the network is shown that (LeCun et al. 1998,
section III.B). Only a change that keeps the label helps. A photograph of a cat may be flipped, a
digit may not: a mirrored 3 is no digit, and a mirrored 2 can pass for a 5. A 6 turned by 180
degrees is a 9. So there is no flip here, and angles are small; for photographs there is
``hfdl.foundations.vision.photographs``.

Each new pixel is looked up in the old image at the point that it came from, interpolated between
the four pixels around it (bilinear); beyond the edge everything is 0.

Shapes: B images, C channels, H rows, W columns.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Floats
from hfdl.foundations.vision.windows import images, padded


def augment(
    X: Floats,
    rng: np.random.Generator | np.random.RandomState,
    *,
    shift: float = 2.0,
    degrees: float = 10.0,
    scale: float = 0.1,
) -> Floats:
    """Every image shifted, turned and resized by amounts of its own, drawn uniformly.

    The result depends on X, the amounts and the state of ``rng`` alone.

    Args:
        X: (B, C, H, W).
        rng: draws 4 numbers an image.
        shift: the most pixels, down or up, and right or left.
        degrees: the largest angle, either way.
        scale: the largest change of size; 0.1 is between 1 / 1.1 and 1.1 times as large.

    Returns:
        as X, a new array.

    Raises:
        ShapeError: X is not (B, C, H, W), or an amount is negative.
    """
    X = images(X, "augment")
    for name, amount in {"shift": shift, "degrees": degrees, "scale": scale}.items():
        if amount < 0:
            raise ShapeError(
                f"{name} {amount}", rule=f"{name} is how far it may go either way, 0 or more"
            )
    drawn = rng.uniform(-1.0, 1.0, size=(len(X), 4))
    factors = (1.0 + scale) ** drawn[:, 3]  # as often 1.1 times larger as 1.1 times smaller
    return transform(X, shift * drawn[:, :2], degrees * drawn[:, 2], factors)


def shifted(X: Floats, pixels: Floats) -> Floats:
    """Image b moved by ``pixels[b]`` (down, right); (B, C, H, W), (B, 2) -> (B, C, H, W)."""
    return transform(X, pixels, np.zeros(len(X)), np.ones(len(X)))


def rotated(X: Floats, degrees: Floats) -> Floats:
    """Image b turned anticlockwise about its middle by ``degrees[b]``, degrees (B,)."""
    return transform(X, np.zeros((len(X), 2)), degrees, np.ones(len(X)))


def scaled(X: Floats, factors: Floats) -> Floats:
    """Image b made ``factors[b]`` times as large about its middle, factors (B,)."""
    return transform(X, np.zeros((len(X), 2)), np.zeros(len(X)), factors)


def transform(X: Floats, pixels: Floats, degrees: Floats, factors: Floats) -> Floats:
    """Resized and turned about the middle, then shifted.

    A point at p, counted from the middle, goes to factor * R p + shift. So the pixel at q is looked
    up at R^T (q - shift) / factor.

    Args:
        X: (B, C, H, W).
        pixels: (B, 2), how far down and to the right.
        degrees: (B,), anticlockwise.
        factors: (B,), above 0.

    Returns:
        as X, a new array.
    """
    X = images(X, "transform")
    H, W = X.shape[2:]
    middle = np.array([(H - 1) / 2, (W - 1) / 2])
    q = np.indices((H, W)).reshape(2, H * W).T - middle  # (H W, 2)
    angles = np.deg2rad(degrees)
    cos, sin = np.cos(angles), np.sin(angles)
    # Rows count downwards: anticlockwise, as one sees it, is (y, x) -> (c y - s x, s y + c x).
    rotation = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)  # (B, 2, 2)
    moved = q - np.asarray(pixels)[:, None]  # (B, H W, 2)
    # Rows times R is R^T times columns.
    source = moved @ rotation / np.asarray(factors)[:, None, None] + middle  # (B, H W, 2)
    return _interpolated(X, source)


def _interpolated(X: Floats, points: Floats) -> Floats:
    """The values of X between its pixels; points (B, H W, 2) are rows and columns."""
    B, C, H, W = X.shape
    # One pixel of zeros around the image; every point beyond it reads from there.
    P = padded(X, (1, 1)).reshape(B, C, (H + 2) * (W + 2))
    last = np.array([H, W], dtype=np.float64)
    at = np.clip(points, -1.0, last) + 1.0  # in the coordinates of P, 0 to H + 1
    corner = np.minimum(at.astype(np.intp), last.astype(np.intp))  # (B, H W, 2), towards 0
    part = (at - corner).astype(X.dtype)  # 0 to 1
    start = corner[..., 0] * (W + 2) + corner[..., 1]  # (B, H W)
    down, across = part[:, None, :, 0], part[:, None, :, 1]  # (B, 1, H W)
    Y = np.zeros((B, C, H * W), dtype=X.dtype)
    for row, weight_of_row in ((0, 1 - down), (W + 2, down)):
        for column, weight_of_column in ((0, 1 - across), (1, across)):
            pixels = np.take_along_axis(P, (start + row + column)[:, None], axis=2)
            Y += weight_of_row * weight_of_column * pixels
    return Y.reshape(X.shape)
