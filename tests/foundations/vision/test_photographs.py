"""Flips and colours against Pillow, and against the formulas in torch."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.vision.augmentation import rotated
from hfdl.foundations.vision.photographs import (
    augment_photographs,
    brightened,
    contrasted,
    flipped,
    normalized,
    saturated,
)

ENHANCE = {
    brightened: ImageEnhance.Brightness,
    contrasted: ImageEnhance.Contrast,
    saturated: ImageEnhance.Color,
}
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


def bytes_of_images(count: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, rows, columns, 3), dtype=np.uint8)


def as_floats(pictures: np.ndarray) -> np.ndarray:
    return pictures.transpose(0, 3, 1, 2) / 255.0


@pytest.mark.parametrize("change", ENHANCE)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.floats(0, 3))
def test_colours_are_pillow_s(
    change: Change, count: int, rows: int, columns: int, factor: float
) -> None:
    pictures = bytes_of_images(count, rows, columns)
    factors = factor * np.linspace(1, 0.5, count)
    found = change(as_floats(pictures), factors)
    for b in range(count):
        theirs = ENHANCE[change](Image.fromarray(pictures[b])).enhance(factors[b])
        # Pillow rounds to whole bytes: the grey, which the factor then enlarges, and the result.
        bound = (1.01 + 0.51 * abs(1 - factors[b]) * 2) / 255
        expected = as_floats(np.asarray(theirs)[None])[0]
        np.testing.assert_allclose(found[b], expected, rtol=0, atol=bound)


@given(st.floats(0, 2))
def test_colours_are_the_formulas(factor: float) -> None:
    X = np.random.default_rng(1).random((2, 3, 4, 5))
    x = torch.from_numpy(X)
    grey = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    others: dict[Change, torch.Tensor] = {
        brightened: torch.zeros_like(x),
        contrasted: grey.mean((1, 2, 3), keepdim=True),
        saturated: grey,
    }
    for change, other in others.items():
        expected = torch.lerp(other.expand_as(x), x, factor).clamp(0, 1)
        found = change(X, np.full(2, factor))
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-12)


def test_flips_are_pillow_s() -> None:
    pictures = bytes_of_images(3, 4, 5)
    found = flipped(as_floats(pictures), np.array([True, False, True]))
    for b, mirrored in enumerate((True, False, True)):
        image = Image.fromarray(pictures[b])
        expected = np.asarray(ImageOps.mirror(image) if mirrored else image)
        np.testing.assert_array_equal(found[b], as_floats(expected[None])[0])


def test_normalised_to_minus_one_and_one() -> None:
    X = np.array([0.0, 0.25, 1.0]).reshape(1, 3, 1, 1)
    assert normalized(X).ravel().tolist() == [-1.0, -0.5, 1.0]
    by_channel = normalized(X, np.array([0, 0.25, 0.5]), np.array([1, 1, 0.25]))
    assert by_channel.ravel().tolist() == [0.0, 0.0, 2.0]
    for wrong in ({"mean": np.zeros(2)}, {"deviation": 0.0}, {"deviation": np.array([1, 1, -1])}):
        with pytest.raises(ShapeError, match="one number or one for each channel"):
            normalized(X, **wrong)


def test_a_grey_image_has_no_colour_to_change() -> None:
    X = np.random.default_rng(0).random((2, 1, 4, 4))
    np.testing.assert_allclose(saturated(X, np.array([0.0, 2.0])), X, atol=1e-15)
    assert np.ptp(contrasted(X, np.zeros(2)), axis=(2, 3)).max() < 1e-12
    assert augment_photographs(X, np.random.default_rng(0)).shape == X.shape


NOTHING = {"flip": 0, "degrees": 0, "brightness": 0, "contrast": 0, "saturation": 0}


def test_nothing_to_do_changes_nothing() -> None:
    X = np.random.default_rng(0).random((3, 3, 5, 6))
    Y = augment_photographs(X, np.random.default_rng(0), **NOTHING)
    np.testing.assert_allclose(Y, X, atol=1e-12)
    assert Y is not X


def test_it_is_a_function_of_its_inputs_and_the_generator() -> None:
    X = np.random.default_rng(0).random((4, 3, 6, 6))
    before = X.copy()
    once, again = (augment_photographs(X, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.array_equal(X, before)
    rng = np.random.default_rng(3)
    assert np.array_equal(once, augment_photographs(X, rng))
    assert not np.array_equal(once, augment_photographs(X, rng))  # the next epoch sees others
    assert augment_photographs(X, np.random.RandomState(0)).shape == X.shape
    assert augment_photographs(X.astype(np.float32), rng).dtype == np.float32
    assert augment_photographs(X[:0], rng).shape == (0, 3, 6, 6)


def test_half_of_the_images_are_mirrored() -> None:
    X = np.zeros((2000, 3, 2, 2))
    X[..., 0] = 1
    Y = augment_photographs(X, np.random.default_rng(0), **{**NOTHING, "flip": 0.5})
    mirrored = Y[:, 0, 0, 1] == 1
    assert ((Y[:, 0, 0, 0] == 1) != mirrored).all()
    assert abs(mirrored.mean() - 0.5) < 0.034  # three standard deviations
    always = augment_photographs(X, np.random.default_rng(0), **{**NOTHING, "flip": 1})
    assert (always[..., 1] == 1).all()


def test_factors_keep_their_bounds_and_fill_them() -> None:
    X = np.full((500, 3, 1, 1), 0.4)
    Y = augment_photographs(X, np.random.default_rng(0), **{**NOTHING, "brightness": 0.5})
    factors = Y[:, 0, 0, 0] / 0.4
    assert 0.5 <= factors.min() < 0.52
    assert 1.48 < factors.max() <= 1.5
    assert abs(factors.mean() - 1) < 0.04
    dark = augment_photographs(X, np.random.default_rng(0), **{**NOTHING, "brightness": 2})
    assert dark.min() >= 0


def test_the_order_of_the_changes_differs_from_image_to_image() -> None:
    """One picture many times, of constant factors: six orders give as many different results."""
    X = np.tile(np.random.default_rng(0).random((1, 3, 4, 4)), (300, 1, 1, 1))

    class Constant(np.random.RandomState):
        """Everything is drawn as usual but the factors, which are all the largest."""

        drawn = 0

        def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
            self.drawn += 1
            found = super().uniform(low, high, size)
            return np.ones_like(found) if self.drawn == 3 else found

    rng = Constant(0)
    amounts = {"brightness": 0.3, "contrast": 0.9, "saturation": 0.9}
    Y = augment_photographs(X, rng, **{**NOTHING, **amounts})
    assert rng.drawn == 4
    different = np.unique(Y.reshape(300, -1).round(9), axis=0)
    assert len(different) == 6


def test_turned_as_digits_are() -> None:
    X = np.random.default_rng(0).random((2, 3, 7, 7))
    Y = augment_photographs(X, np.random.RandomState(5), **{**NOTHING, "degrees": 15})
    angles = 15 * np.random.RandomState(5).uniform(-1, 1, (2, 4))[:, 2]
    np.testing.assert_allclose(Y, rotated(X, angles), atol=1e-12)


def test_bad_inputs_are_refused() -> None:
    rng, X = np.random.default_rng(0), np.zeros((1, 3, 2, 2))
    with pytest.raises(ShapeError, match=re.escape("images are (batch, channels, rows, columns)")):
        augment_photographs(X[0], rng)
    with pytest.raises(ShapeError, match=r"flip 1\.5; amounts are 0 or more, and flip at most 1"):
        augment_photographs(X, rng, flip=1.5)
    with pytest.raises(ShapeError, match="contrast -1"):
        augment_photographs(X, rng, contrast=-1)
    with pytest.raises(ShapeError, match="2 channels; a photograph has 1 or 3"):
        augment_photographs(X[:, :2], rng)
    for wrong in (X - 1, X + np.nan, np.full((1, 3, 2, 2), 255, np.uint8)):
        with pytest.raises(DataError, match="Divide bytes by 255, and normalise after"):
            augment_photographs(wrong, rng)
