"""Squared error of a logistic unit is not convex; cross-entropy is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfdl.foundations.activations import sigmoid
from hfdl.foundations.neuron import losses_along_line, second_differences
from hfdl.foundations.toy_data import hours_studied

PLACES = np.linspace(-10, 10, 401)


def test_one_sample_against_the_closed_forms() -> None:
    X, target = np.array([[1.0]]), np.array([1.0])
    along = losses_along_line(X, target, np.zeros(1), np.ones(1), PLACES)
    p, h = sigmoid(PLACES), PLACES[1] - PLACES[0]
    np.testing.assert_allclose(along.mse, (1 - p) ** 2, atol=1e-15)
    np.testing.assert_allclose(along.cross_entropy, np.log1p(np.exp(-PLACES)), atol=1e-14)
    curvature = second_differences(along.mse) / h**2
    np.testing.assert_allclose(curvature, (2 * p * (1 - p) ** 2 * (3 * p - 1))[1:-1], atol=1e-4)
    assert (curvature[(p < 0.33)[1:-1]] < 0).all()
    assert (curvature[(p > 0.34)[1:-1]] > 0).all()
    curvature = second_differences(along.cross_entropy) / h**2
    np.testing.assert_allclose(curvature, (p * (1 - p))[1:-1], atol=1e-4)
    assert (curvature > 0).all()


def test_the_students_of_note_1() -> None:
    X, target = hours_studied()
    direction = np.array([0.3, 1.0])
    along = losses_along_line(X - [4, 4.5], target[:, 0], np.zeros(2), direction, PLACES)
    assert second_differences(along.mse).min() < -1e-3
    assert second_differences(along.cross_entropy).min() > -1e-12


@given(st.integers(1, 6), st.integers(1, 4), st.integers(0, 1000))
def test_cross_entropy_is_convex_on_any_line(count: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    X, target = random.normal(size=(count, width)), random.integers(0, 2, count) * 1.0
    start, direction = random.normal(size=(2, width))
    along = losses_along_line(X, target, start, direction, PLACES[::10])
    assert second_differences(along.cross_entropy).min() > -1e-10


def minima(values: np.ndarray) -> int:
    inner = values[1:-1]
    return int(np.sum((inner < values[:-2]) & (inner < values[2:])))


def test_squared_error_can_have_two_minima_where_cross_entropy_has_one() -> None:
    """Four samples whose curves step up or down at -6, -2, 2 and 6 (the second input shifts)."""
    steps, places = np.array([4.0, -4.0, 4.0, -4.0]), np.array([-6.0, -2.0, 2.0, 6.0])
    X = np.stack([steps, -steps * places], axis=1)
    start, direction = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    along = losses_along_line(X, np.ones(4), start, direction, PLACES)
    assert minima(along.mse) == 2
    assert minima(along.cross_entropy) == 1


def test_second_differences() -> None:
    np.testing.assert_array_equal(second_differences(np.array([0.0, 1.0, 4.0, 9.0])), [2.0, 2.0])
    assert pytest.approx(0.0) == second_differences(np.arange(3.0))[0]
