"""The interval of a paired difference: against scipy, and by how often it errs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hfdl.metrics.paired_seeds import ExamplesVariance, examples_variance, paired_difference
from hfdl.metrics.student import incomplete_beta, t_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3.7, 4, 9, 30, 500, 1e5])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.6, 0.975, 0.999])
def test_quantiles_are_those_of_scipy(degrees: float, share: float) -> None:
    assert t_quantile(share, degrees) == pytest.approx(stats.t.ppf(share, degrees), abs=1e-9)


def test_the_beta_function_is_that_of_scipy() -> None:
    from scipy.special import betainc

    for a, b, x in ((0.5, 0.5, 0.3), (5, 0.5, 0.99), (0.1, 7, 0.02), (40, 60, 0.4), (2, 3, 0.0)):
        assert incomplete_beta(a, b, x) == pytest.approx(betainc(a, b, x), abs=1e-12)


def test_without_examples_it_is_the_paired_t_test() -> None:
    firsts, seconds = [0.71, 0.74, 0.69, 0.8], [0.7, 0.7, 0.7, 0.71]
    found = paired_difference(firsts, seconds)
    low, high = stats.ttest_rel(firsts, seconds).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.degrees == 3


def test_one_pair_has_no_interval() -> None:
    found = paired_difference([0.7], [0.6])
    assert found.half_width is None
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_equal_differences_prove_nothing_where_the_examples_are_few() -> None:
    alone = paired_difference([0.75, 0.75], [0.5, 0.5])
    assert alone.low == alone.high == 0.25
    found = paired_difference([0.75, 0.75], [0.5, 0.5], ExamplesVariance(0.0, 0.04, 4))
    assert found.low < 0 < found.high


def _measure(right: np.ndarray):
    return lambda drawn: {"accuracy": float(right[drawn].mean())}


def _interval(right: np.ndarray) -> tuple[float, float]:
    """Of right answers (pairs, 2, examples)."""
    firsts = [_measure(one[0]) for one in right]
    seconds = [_measure(one[1]) for one in right]
    n = right.shape[2]
    variance = examples_variance(firsts, seconds, "accuracy", n, resamples=60)
    found = paired_difference(right[:, 0].mean(1).tolist(), right[:, 1].mean(1).tolist(), variance)
    return found.low, found.high


@pytest.mark.parametrize("has_hard_examples", [False, True])
def test_a_recipe_beside_itself_seems_to_differ_in_five_of_a_hundred(
    has_hard_examples: bool,
) -> None:
    """Seeds, examples and both together vary; nothing else does."""
    draws = np.random.default_rng(0)
    wrong = 0
    for _ in range(200):
        ease = draws.beta(0.6, 0.4, size=120) if has_hard_examples else np.full(120, 0.7)
        skill = draws.normal(0, 0.03, size=(5, 2, 1))
        right = draws.random((5, 2, 120)) < np.clip(ease + skill, 0, 1)
        low, high = _interval(right)
        wrong += low > 0 or high < 0
    assert 1 <= wrong <= 18  # half a percent to 9 %


def test_it_covers_the_difference_on_other_examples() -> None:
    """One recipe is better on some kinds of examples and worse on others."""
    draws = np.random.default_rng(1)
    covered = by_seeds_alone = 0
    for _ in range(150):
        gain = draws.normal(0.02, 0.35, size=120)
        right = np.empty((5, 2, 120))
        for pair in range(5):
            right[pair, 0] = draws.random(120) < np.clip(0.5 + gain, 0, 1)
            right[pair, 1] = draws.random(120) < 0.5
        truth = float(np.clip(0.5 + draws.normal(0.02, 0.35, size=100_000), 0, 1).mean() - 0.5)
        low, high = _interval(right)
        covered += low <= truth <= high
        alone = paired_difference(right[:, 0].mean(1).tolist(), right[:, 1].mean(1).tolist())
        by_seeds_alone += alone.low <= truth <= alone.high
    assert covered >= 0.91 * 150
    assert by_seeds_alone < covered  # who leaves the examples out is too sure
