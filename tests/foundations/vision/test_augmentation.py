"""Shifting, turning and resizing, against scipy.ndimage and against what one sees."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from hfdl.errors import ShapeError
from hfdl.foundations.vision.augmentation import augment, rotated, scaled, shifted, transform

sizes = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 9), st.integers(1, 9))


def drawing(*shape: int) -> Any:
    return np.random.default_rng(0).uniform(0, 1, shape)


@given(
    shape=sizes, pixels=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
    degrees=st.floats(-180, 180), factor=st.floats(0.3, 3),
)  # fmt: skip
def test_transform_equals_scipy(shape: Any, pixels: Any, degrees: float, factor: float) -> None:
    X = drawing(*shape)
    batch = len(X)
    # Each image has amounts of its own.
    shifts = np.outer(np.linspace(1, 0.5, batch), pixels)
    angles = np.linspace(1, -1, batch) * degrees
    factors = factor ** np.linspace(1, 0, batch)
    Y = transform(X, shifts, angles, factors)
    middle = (np.array(shape[2:]) - 1) / 2
    for b, c in np.ndindex(shape[:2]):
        angle = np.deg2rad(angles[b])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        back = turn.T / factors[b]  # scipy asks where a new pixel was before
        offset = middle - back @ (middle + shifts[b])
        expected = ndimage.affine_transform(X[b, c], back, offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(Y[b, c], expected, rtol=0, atol=1e-10)


def test_whole_pixels_move_down_and_right_and_zeros_come_in() -> None:
    X = drawing(2, 1, 4, 5)
    Y = shifted(X, np.array([[1, 2], [0, -1]]))
    expected = np.zeros_like(X)
    expected[0, 0, 1:, 2:] = X[0, 0, :-1, :-2]
    expected[1, 0, :, :-1] = X[1, 0, :, 1:]
    np.testing.assert_allclose(Y, expected, atol=1e-12)


def test_half_a_pixel_is_the_mean_of_two() -> None:
    X = np.array([[[[1.0, 3.0, 0.0]]]])
    assert shifted(X, np.array([[0, 0.5]]))[0, 0, 0].tolist() == [0.5, 2.0, 1.5]


def test_a_quarter_turn_is_anticlockwise_as_in_numpy() -> None:
    X = drawing(1, 2, 5, 5)
    np.testing.assert_allclose(rotated(X, np.array([90.0]))[0, 1], np.rot90(X[0, 1]), atol=1e-12)


def test_a_square_three_times_as_large_and_back() -> None:
    X = np.zeros((1, 1, 15, 15))
    X[0, 0, 3:12, 3:12] = 1  # 9 x 9 pixels of ink
    small = scaled(X, np.array([1 / 3]))
    assert small.sum() == pytest.approx(3 * 3)
    assert scaled(small, np.array([3.0])).sum() == pytest.approx(9 * 9, rel=0.01)


def test_nothing_to_do_changes_nothing() -> None:
    X = drawing(3, 1, 7, 6)
    Y = augment(X, np.random.default_rng(0), shift=0, degrees=0, scale=0)
    np.testing.assert_allclose(Y, X, atol=1e-12)
    assert Y is not X


def test_augment_is_a_function_of_its_inputs_and_the_generator() -> None:
    X = drawing(4, 1, 8, 8)
    before = X.copy()
    once, again = (augment(X, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, augment(X, np.random.default_rng(4)))
    assert np.array_equal(X, before)
    rng = np.random.default_rng(3)
    assert np.array_equal(once, augment(X, rng))
    assert not np.array_equal(once, augment(X, rng))  # the next epoch sees others
    assert augment(X, np.random.RandomState(0)).shape == X.shape


def test_every_image_gets_amounts_of_its_own_within_the_bounds() -> None:
    X = np.zeros((200, 1, 21, 21))
    X[:, :, 10, 10] = 1  # one point in the middle, which only a shift can move
    Y = augment(X, np.random.default_rng(0), shift=3, degrees=30, scale=0.2)
    rows, columns = np.indices((21, 21)) - 10
    ink = Y.sum(axis=(1, 2, 3))
    down = (Y[:, 0] * rows).sum(axis=(1, 2)) / ink
    right = (Y[:, 0] * columns).sum(axis=(1, 2)) / ink
    for moved in (down, right):
        assert np.abs(moved).max() <= 3.2  # a resized pixel weighs a little unevenly
        assert moved.max() > 2.5
        assert moved.min() < -2.5
        assert abs(moved.mean()) < 0.4
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.3


def test_angles_and_sizes_keep_their_bounds() -> None:
    X = np.zeros((300, 1, 41, 41))
    X[:, :, 20, 30] = 1  # a point 10 to the right of the middle
    rows, columns = np.indices((41, 41)) - 20

    def place(**amounts: float) -> tuple[Any, Any]:
        chosen = {"shift": 0.0, "degrees": 0.0, "scale": 0.0, **amounts}
        Y = augment(X, np.random.default_rng(1), **chosen)[:, 0]
        ink = Y.sum(axis=(1, 2))
        down, right = ((Y * by).sum(axis=(1, 2)) / ink for by in (rows, columns))
        return np.rad2deg(np.arctan2(-down, right)), np.hypot(down, right)

    angles, _ = place(degrees=20)
    assert 18 < angles.max() < 21
    assert -21 < angles.min() < -18
    _, distances = place(scale=0.25)
    assert 12 < distances.max() < 12.7  # 10 * 1.25
    assert 7.8 < distances.min() < 8.3  # 10 / 1.25


def test_the_amounts_are_drawn_one_by_one_and_channels_move_together() -> None:
    X = np.zeros((400, 2, 41, 41))
    X[:, 0, 20, 10] = X[:, 1, 20, 30] = 1  # in one channel a point to the left, in one to the right
    Y = augment(X, np.random.default_rng(2), shift=3, degrees=20, scale=0.2)
    ink = Y.sum(axis=(2, 3))
    rows, columns = np.indices((41, 41)) - 20
    down, right = ((Y * by).sum(axis=(2, 3)) / ink for by in (rows, columns))  # (400, 2)
    across, along = down[:, 1] - down[:, 0], right[:, 1] - right[:, 0]
    found = {
        "down": down.mean(axis=1), "right": right.mean(axis=1),
        "angle": np.arctan2(-across, along), "size": np.log(np.hypot(across, along)),
    }  # fmt: skip
    correlations = np.corrcoef(list(found.values()))
    assert np.abs(correlations - np.eye(4)).max() < 0.2


def test_float32_stays_float32() -> None:
    X = drawing(2, 1, 5, 5).astype(np.float32)
    assert augment(X, np.random.default_rng(0)).dtype == np.float32


def test_bad_inputs_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match=re.escape("images are (batch, channels, rows, columns)")):
        augment(np.zeros((2, 28, 28)), rng)
    with pytest.raises(ShapeError, match=re.escape("shift -1; shift is how far it may go either")):
        augment(np.zeros((2, 1, 5, 5)), rng, shift=-1)
