"""The perceptron learns what a line separates, within the bound, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.linear_model import Perceptron as SklearnPerceptron

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.perceptron import Perceptron
from hfdl.foundations.toy_data import logical_and, logical_or, xor


@pytest.mark.parametrize("problem", [logical_and, logical_or])
def test_it_learns_and_and_or(problem) -> None:
    X, target = problem()
    perceptron = Perceptron(2)
    mistakes = perceptron.train(X, target[:, 0])
    assert mistakes[-1] == 0
    np.testing.assert_array_equal(perceptron.predict(X), target[:, 0])


def separates(X: np.ndarray, target: np.ndarray) -> bool:
    """Whether any line at all does, by linear programming: sign * (w x + b) >= 1 for all rows."""
    sign = np.where(target > 0, 1.0, -1.0)[:, None]
    rows = -sign * np.hstack([X, np.ones((len(X), 1))])
    found = linprog(np.zeros(rows.shape[1]), rows, -np.ones(len(X)), bounds=(None, None))
    return found.status == 0


def test_only_xor_has_no_line() -> None:
    for problem, expected in ((logical_and, True), (logical_or, True), (xor, False)):
        X, target = problem()
        assert separates(X, target[:, 0]) is expected


@pytest.mark.parametrize("seed", range(5))
def test_xor_is_never_separated(seed: int) -> None:
    """On whole numbers the weights come back to where they were: from there it goes in circles."""
    X, target = xor()
    perceptron = Perceptron(2)
    random = np.random.default_rng(seed)
    if seed:
        perceptron.weights, perceptron.bias = random.integers(-5, 6, 2) * 1.0, float(seed)
    seen: dict[tuple[float, ...], int] = {}
    mistakes: list[int] = []
    while (state := (*perceptron.weights, perceptron.bias)) not in seen:
        seen[state] = len(mistakes)
        mistakes.append(perceptron.train_epoch(X, target[:, 0]))
        assert len(mistakes) < 1000
    assert min(mistakes) >= 1  # before the circle and on it
    assert np.mean(perceptron.predict(X) == target[:, 0]) < 1


def test_a_thousand_epochs_of_xor_all_have_mistakes() -> None:
    X, target = xor()
    mistakes = Perceptron(2, rate=0.1).train(X, target[:, 0], epochs=1000)
    assert len(mistakes) == 1000
    assert min(mistakes) >= 1


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 1000))
def test_mistakes_stay_within_novikoffs_bound(inputs: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    line = random.normal(size=inputs + 1)
    line /= np.linalg.norm(line)
    X = random.normal(size=(count, inputs))
    extended = np.hstack([X, np.ones((count, 1))])
    margins = np.abs(extended @ line)
    X, extended = X[margins > 0.1], extended[margins > 0.1]  # or the bound is beyond patience
    if not len(X):
        return
    target = (extended @ line > 0).astype(float)
    bound = (np.linalg.norm(extended, axis=1).max() / np.abs(extended @ line).min()) ** 2
    mistakes = Perceptron(inputs).train(X, target, epochs=int(bound) + 2)
    assert mistakes[-1] == 0
    assert sum(mistakes) <= bound + 1e-9


def test_every_step_is_scikit_learns() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(30, 3))
    target = (X.sum(axis=1) + random.normal(size=30) > 0).astype(float)
    ours = Perceptron(3)
    for epochs in (1, 2, 5):
        # One without a start counts a sample on the line as a mistake; so does ours for yes only.
        ours = Perceptron(3)
        ours.weights, ours.bias = np.ones(3), 0.5
        for _ in range(epochs):
            ours.train_epoch(X, target)
        theirs = SklearnPerceptron(max_iter=epochs, tol=None, shuffle=False)
        theirs.fit(X, target, coef_init=np.ones((1, 3)), intercept_init=np.array([0.5]))
        np.testing.assert_allclose(ours.weights, theirs.coef_[0], atol=1e-12)
        np.testing.assert_allclose(ours.bias, theirs.intercept_[0], atol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Perceptron: X \(4, 2\); X is \(B, 3\)"):
        Perceptron(3).predict(xor()[0])
    with pytest.raises(ShapeError, match=r"X \(4, 2\), target \(4, 1\); each row of X has one"):
        Perceptron(2).train_epoch(*xor())
    with pytest.raises(DataError, match=r"a target is -1.0; a perceptron answers 0 or 1"):
        Perceptron(2).train_epoch(xor()[0], [1, -1, 1, -1])
