"""Errors and correlations against scikit-learn and scipy."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from hfdl.metrics import regression_metrics
from hfdl.metrics.regression import mean_ranks

NAMES = ["mse", "mae", "r_squared", "pearsonr", "spearmanr"]
ZERO = dict.fromkeys(NAMES, 0.0)


def reference(truth, guess):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of constants
        return {
            "mse": sk.mean_squared_error(truth, guess),
            "mae": sk.mean_absolute_error(truth, guess),
            "r_squared": sk.r2_score(truth, guess),
            "pearsonr": np.nan_to_num(stats.pearsonr(truth, guess).statistic),
            "spearmanr": np.nan_to_num(stats.spearmanr(truth, guess).statistic),
        }


# Multiples of an eighth: sums are exact, so no reference differs by a rounded mean.
eighths = st.integers(-200, 200).map(lambda i: i / 8)


@st.composite
def pairs(draw, values=eighths, least=2):
    n = draw(st.integers(least, 50))
    column = st.lists(values, min_size=n, max_size=n)
    return draw(column), draw(column)


@given(pairs())
def test_regression_metrics_equal_scikit_learn_and_scipy(case):
    truth, guess = case
    ours = regression_metrics(truth, guess)
    assert list(ours) == NAMES
    assert ours == pytest.approx(reference(truth, guess), rel=1e-9, abs=1e-9)


@given(pairs(values=st.sampled_from([0.0, 0.5, 1.0])))
def test_spearman_with_many_ties_equals_scipy(case):
    truth, guess = case
    expected = reference(truth, guess)["spearmanr"]
    assert regression_metrics(truth, guess)["spearmanr"] == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=60))
def test_mean_ranks_equal_scipy(values):
    np.testing.assert_array_equal(mean_ranks(np.array(values)), stats.rankdata(values))


def test_mean_ranks_of_nothing():
    assert mean_ranks(np.array([])).shape == (0,)


@given(
    value=st.floats(-1e6, 1e6),
    guess=st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=12),
)
def test_a_constant_has_no_correlation(value, guess):
    # The mean of equal numbers is rounded: 0.1 three times is not a spread of 1e-17.
    constant = [value] * len(guess)
    for ours in (regression_metrics(constant, guess), regression_metrics(guess, constant)):
        assert (ours["pearsonr"], ours["spearmanr"]) == (0.0, 0.0)
    assert regression_metrics(constant, guess)["r_squared"] == float(guess == constant)


def test_constant_answers_follow_scikit_learn():
    assert regression_metrics([0.1] * 3, [0.1] * 3) == {**ZERO, "r_squared": 1.0}
    ours = regression_metrics([2.0] * 3, [2.0, 2.0, 5.0])
    assert ours == {"mse": 3.0, "mae": 1.0, "r_squared": 0.0, "pearsonr": 0.0, "spearmanr": 0.0}
    assert ours["r_squared"] == sk.r2_score([2.0] * 3, [2.0, 2.0, 5.0])


def test_one_example_has_errors_and_no_correlation():
    ours = regression_metrics([3.0], [5.0])
    assert ours == {**ZERO, "mse": 4.0, "mae": 2.0}


def test_no_examples_are_zero_and_not_nan():
    assert regression_metrics([], []) == ZERO


@pytest.mark.parametrize("scale", [1e-170, 1e-8, 1.0, 1e8, 1e150])
def test_pearson_does_not_depend_on_the_scale(scale):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=31), rng.normal(size=31)
    ours = regression_metrics(a, scale * b)["pearsonr"]
    assert ours == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-12)


@given(pairs())
def test_correlations_stay_within_one(case):
    truth, _ = case
    ours = regression_metrics(truth, [2.0 * value + 1.0 for value in truth])
    assert ours["pearsonr"] <= 1.0
    assert ours["spearmanr"] <= 1.0


def test_every_metric_is_a_plain_float():
    values = regression_metrics(np.float32([1, 2, 3]), np.float32([1, 3, 2])).values()
    assert len(values) == len(NAMES)
    assert all(type(value) is float for value in values)
