"""The small data sets: the notes' points, and what the docstrings promise."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hfdl.errors import ConfigError
from hfdl.foundations.toy_data import (
    bonuses,
    gaussian_points,
    hours_studied,
    logical_and,
    logical_or,
    spirals,
    xor,
)


def test_logic() -> None:
    a, b = xor()[0].astype(int).T
    for problem, rule in ((xor, a ^ b), (logical_and, a & b), (logical_or, a | b)):
        X, target = problem()
        assert (X.shape, target.shape) == ((4, 2), (4, 1))
        np.testing.assert_array_equal(target[:, 0], rule)


def test_the_students_of_note_1() -> None:
    X, target = hours_studied()
    rows = [[1, 2], [2, 3], [3, 5], [4, 2], [5, 6], [6, 7], [7, 8], [8, 7]]
    np.testing.assert_array_equal(X, rows)
    np.testing.assert_array_equal(target, [[0], [0], [1], [0], [1], [1], [1], [1]])


def test_the_points_of_note_4() -> None:
    X, target = gaussian_points(rng=np.random.RandomState(42))
    np.random.seed(42)
    expected = np.random.randn(100, 2)
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(target[:, 0], (expected[:, 0] + expected[:, 1]) > 0)
    assert target.shape == (100, 1)


@pytest.mark.parametrize("classes", [1, 2, 3, 5])
def test_spirals(classes: int) -> None:
    X, target = spirals(50, classes, rng=0)
    assert (X.shape, target.shape) == ((50 * classes, 2), (50 * classes,))
    np.testing.assert_array_equal(np.bincount(target), [50] * classes)
    radius = np.hypot(*X.T).reshape(classes, 50)
    np.testing.assert_allclose(radius, np.tile(np.linspace(0, 1, 50), (classes, 1)), atol=1e-12)
    clean, _ = spirals(50, classes, noise=0.0)
    end = clean.reshape(classes, 50, 2)[:, -1]
    angles = np.arctan2(end[:, 0], end[:, 1]) % (2 * np.pi)
    np.testing.assert_allclose(angles, (4 + 2 * np.pi * np.arange(classes) / classes) % (2 * np.pi))
    np.testing.assert_array_equal(X, spirals(50, classes, rng=0)[0])
    assert (spirals(50, classes, rng=1)[0] != X).any()


def test_no_line_separates_the_spirals() -> None:
    X, target = spirals(rng=0)
    assert LogisticRegression().fit(X, target).score(X, target) < 0.65


def test_spirals_of_nothing_are_refused() -> None:
    for points, classes in ((1, 3), (10, 0)):
        with pytest.raises(ConfigError, match=rf"spirals\({points}, {classes}\); an arm has two"):
            spirals(points, classes)


def test_bonuses() -> None:
    made = bonuses(200, noise=0.0, rng=0)
    assert (made.X.shape, made.target.shape) == ((200, 3), (200, 1))
    np.testing.assert_array_equal(made.target[:, 0], made.X @ [12.0, 2.0, 5.0] + 20.0)
    assert (made.X >= [1, 0, 0]).all()
    assert (made.X <= [10, 20, 15]).all()
    assert (made.X[:, 2] == made.X[:, 2].astype(int)).all()
    noisy = bonuses(5000, noise=3.0, rng=0)
    residual = noisy.target[:, 0] - noisy.X @ noisy.weights - noisy.bias
    assert residual.std() == pytest.approx(3.0, rel=0.05)
