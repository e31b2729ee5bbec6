"""Augmentation of photographs: mirrored, turned, brighter or darker, of more or less contrast.

As in all augmentation, the labels stay:

    network sees augment_photographs(X, rng) instead of X

A cat in a mirror is a cat, and so is one at dusk. Which changes keep the label depends on what is
seen: a mirrored digit is another sign, and a mirrored page cannot be read. For digits there is
``hfdl.foundations.vision.augmentation``, which does not mirror.

Shapes: B images, C channels (1 or 3: red, green, blue), H rows, W columns; pixels from 0 to 1.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.layer import Booleans, Floats
from hfdl.foundations.vision.augmentation import augment
from hfdl.foundations.vision.windows import images

LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue count for the brightness that one sees (ITU-R BT.601)."""


def augment_photographs(
    X: Floats,
    rng: np.random.Generator | np.random.RandomState,
    *,
    flip: float = 0.5,
    degrees: float = 15.0,
    brightness: float = 0.2,
    contrast: float = 0.2,
    saturation: float = 0.2,
) -> Floats:
    """Every image mirrored or not, turned, and its colours changed, by amounts of its own.

    The result depends on X, the amounts and the state of ``rng`` alone. ``normalized`` comes after
    it, because colours are changed between black, 0, and white, 1.

    Args:
        X: (B, C, H, W), 0 to 1.
        rng: draws 11 numbers an image.
        flip: how probably an image is mirrored, left to right. 0 for what has a direction: digits,
            letters, street signs.
        degrees: the largest angle, either way; corners that come in are black.
        brightness, contrast, saturation: a factor is drawn from 1 less this (0 at least) to 1 plus
            this. The three changes are made in an order of the image's own, as torchvision does,
            since brightening first and sharpening contrast then is not the same as the reverse.

    Returns:
        as X, a new array, 0 to 1.

    Raises:
        ShapeError: X is not (B, C, H, W), or an amount is negative, or flip is above 1.
        DataError: a pixel is below 0 or above 1.
    """
    X = _pixels(X, "augment_photographs")
    amounts = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    for name, amount in {"flip": flip, "degrees": degrees, **amounts}.items():
        if amount < 0 or (name == "flip" and amount > 1):
            raise ShapeError(f"{name} {amount}", rule="amounts are 0 or more, and flip at most 1")
    turned = augment(X, rng, shift=0.0, degrees=degrees, scale=0.0)
    Y = flipped(turned, rng.uniform(size=len(X)) < flip)
    spread = np.array(list(amounts.values()))
    drawn = rng.uniform(size=(len(X), 3))
    lowest = np.maximum(1.0 - spread, 0.0)
    factors = lowest + drawn * (1.0 + spread - lowest)  # (B, 3)
    order = rng.uniform(size=(len(X), 3)).argsort(axis=1)
    for turn in range(3):
        for i, change in enumerate((brightened, contrasted, saturated)):
            chosen = order[:, turn] == i
            Y[chosen] = change(Y[chosen], factors[chosen, i])
    return Y


def flipped(X: Floats, which: Booleans) -> Floats:
    """Image b mirrored, left to right, where ``which[b]``; (B, C, H, W), (B,) -> (B, C, H, W)."""
    X = images(X, "flipped")
    return np.where(np.asarray(which, bool)[:, None, None, None], X[..., ::-1], X)


def brightened(X: Floats, factors: Floats) -> Floats:
    """Image b times ``factors[b]``: 0 makes it black, 1 leaves it; more than white is white."""
    return _blended(X, np.zeros((1, 1, 1, 1)), factors, "brightened")


def contrasted(X: Floats, factors: Floats) -> Floats:
    """Image b drawn away from its mean grey (factor above 1) or towards it (0: all of it grey)."""
    grey = _grey(_pixels(X, "contrasted")).mean(axis=(2, 3), keepdims=True)  # (B, 1, 1, 1)
    return _blended(X, grey, factors, "contrasted")


def saturated(X: Floats, factors: Floats) -> Floats:
    """Image b drawn away from its own greys, pixel by pixel, or towards them (0: no colour)."""
    return _blended(X, _grey(_pixels(X, "saturated")), factors, "saturated")


def normalized(X: Floats, mean: float | Floats = 0.5, deviation: float | Floats = 0.5) -> Floats:
    """(X - mean) / deviation: with 0.5 and 0.5, from 0 .. 1 to -1 .. 1.

    Args:
        X: (B, C, H, W).
        mean, deviation: one number, or one for each channel, (C,).

    Raises:
        ShapeError: X is not (B, C, H, W), there are more or fewer numbers than channels, or a
            deviation is not above 0.
    """
    X = images(X, "normalized")
    both = [np.asarray(part, X.dtype) for part in (mean, deviation)]
    if any(part.shape not in ((), (X.shape[1],)) for part in both) or not np.all(both[1] > 0):
        raise ShapeError(
            f"mean {mean} and deviation {deviation} of {X.shape[1]} channels",
            rule="both are one number or one for each channel, and a deviation is above 0",
        )
    m, s = (np.broadcast_to(part, X.shape[1])[:, None, None] for part in both)  # (C, 1, 1)
    return (X - m) / s


def _grey(X: Floats) -> Floats:
    """(B, C, H, W) -> (B, 1, H, W): what one sees of the brightness."""
    if X.shape[1] == 1:
        return X
    return np.einsum("c,bchw->bhw", np.array(LUMA, X.dtype), X)[:, None]


def _blended(X: Floats, other: Floats, factors: Floats, where: str) -> Floats:
    """other + factor * (X - other), cut to 0 .. 1."""
    X = _pixels(X, where)
    f = np.asarray(factors, X.dtype)[:, None, None, None]
    return np.clip(f * X + (1 - f) * other.astype(X.dtype), 0, 1)


def _pixels(X: Floats, where: str) -> Floats:
    X = images(X, where)
    if X.shape[1] not in (1, 3):
        raise ShapeError(f"{X.shape[1]} channels", where=where, rule="a photograph has 1 or 3")
    if X.size and not (X.min() >= 0 and X.max() <= 1):
        raise DataError(
            f"pixels from {X.min():.3g} to {X.max():.3g}",
            where=where,
            rule="colours are changed between 0, black, and 1, white",
            remedy="divide bytes by 255, and normalise after augmentation",
        )
    return X
