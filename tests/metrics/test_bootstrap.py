"""The spread over seeds and the bootstrap, against scipy and by hand."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from scipy import stats

from hfdl.metrics.bootstrap import FEWEST, Spread, bootstrap, interval


def accuracy_of(right: np.ndarray):
    return lambda examples: {"accuracy": float(right[examples].mean())}


def test_mean_and_sd_are_those_of_a_sample() -> None:
    spread = Spread([0.8, 0.9, 0.85], 0.7, 0.95)
    assert spread.mean == pytest.approx(0.85)
    assert spread.sd == statistics.stdev([0.8, 0.9, 0.85])
    assert spread.as_dict()["interval"] == [0.7, 0.95]
    assert Spread([0.8]).sd is None
    assert Spread([0.8]).as_dict()["interval"] is None


def test_one_run_gives_the_percentile_bootstrap_of_scipy() -> None:
    right = (np.arange(200) % 5 != 0).astype(float)  # 80 % right
    means = bootstrap([accuracy_of(right)], [200], resamples=4000)["accuracy"]
    found = interval(means)
    expected = stats.bootstrap(
        (right,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found is not None
    assert found == pytest.approx((expected.low, expected.high), abs=0.01)
    # As the normal approximation has it: 0.8 +/- 1.96 sqrt(0.8 * 0.2 / 200).
    assert found[1] - found[0] == pytest.approx(2 * 1.96 * (0.16 / 200) ** 0.5, rel=0.1)


def test_seeds_share_the_examples_that_are_drawn() -> None:
    right = (np.arange(100) % 2).astype(float)
    seen: list[np.ndarray] = []

    def measure(examples: np.ndarray) -> dict[str, float]:
        seen.append(examples)
        return {"accuracy": float(right[examples].mean())}

    bootstrap([measure, measure], [100, 100], resamples=40)
    both = [i for i in range(len(seen) - 1) if np.array_equal(seen[i], seen[i + 1])]
    assert len(both) > 10  # wherever a resample drew both seeds
    assert all(len(examples) == 100 for examples in seen)
    assert all(examples.min() >= 0 and examples.max() < 100 for examples in seen)


def test_the_spread_of_seeds_widens_the_interval() -> None:
    alike = [accuracy_of(np.full(50, 0.5))] * 3
    apart = [accuracy_of(np.full(50, value)) for value in (0.4, 0.5, 0.6)]
    narrow = interval(bootstrap(alike, [50] * 3)["accuracy"])
    wide = interval(bootstrap(apart, [50] * 3)["accuracy"])
    assert narrow == (0.5, 0.5)
    assert wide is not None
    assert wide[0] == pytest.approx(0.4, abs=0.04)
    assert wide[1] == pytest.approx(0.6, abs=0.04)


def test_the_same_seed_gives_the_same_interval() -> None:
    runs = [accuracy_of(np.random.default_rng(i).random(30)) for i in range(3)]
    first, second, other = (bootstrap(runs, [30] * 3, seed=s)["accuracy"] for s in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_too_few_resamples_or_no_numbers_give_no_interval() -> None:
    runs = [accuracy_of(np.ones(10))]
    short = bootstrap(runs, [10], seconds=-1.0)["accuracy"]
    assert len(short) == 1
    assert interval(short) is None
    assert interval(np.full(FEWEST, np.nan)) is None
    assert interval(np.ones(FEWEST)) == (1.0, 1.0)
