"""Log loss, Brier score and calibration error against scikit-learn, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from hfdl.metrics.calibration import (
    brier_scores,
    confidences,
    equal_mass_bins,
    error_by_chance,
    expected_calibration_error,
    log_losses,
    reliability,
)


def made(seed: int, n: int = 60, c: int = 4) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(c, 0.4), size=n)
    truth = np.array([random.choice(c, p=row) for row in shares])
    return shares, truth


@pytest.mark.parametrize("seed", range(5))
def test_of_one_label_as_scikit_learn_has_it(seed: int) -> None:
    shares, truth = made(seed)
    assert log_losses(shares, truth).mean() == pytest.approx(
        log_loss(truth, shares, labels=range(4)), rel=1e-12
    )
    by_label = sum(brier_score_loss(truth == k, shares[:, k]) for k in range(4))
    assert brier_scores(shares, truth).mean() == pytest.approx(by_label, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_of_several_labels_each_counts_alike(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares, truth = random.random((50, 3)), random.integers(0, 2, (50, 3))
    columns = list(zip(shares.T, truth.T, strict=True))
    losses = [log_loss(right, own, labels=[0, 1]) for own, right in columns]
    briers = [brier_score_loss(right, own) for own, right in columns]
    assert log_losses(shares, truth).mean() == pytest.approx(np.mean(losses), rel=1e-12)
    assert brier_scores(shares, truth).mean() == pytest.approx(np.mean(briers), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [1, 3, 15])
def test_bins_are_those_of_scikit_learn(seed: int, bins: int) -> None:
    said, right = confidences(*made(seed, n=90))
    share, mean = calibration_curve(right, said, n_bins=bins, strategy="quantile")
    found = reliability(said, right, bins)
    assert [one.accuracy for one in found] == pytest.approx(share)
    assert [one.confidence for one in found] == pytest.approx(mean)
    counts = np.array([one.count for one in found])
    assert counts.sum() == 90
    assert counts.max() - counts.min() <= 1
    expected = (counts * np.abs(share - mean)).sum() / 90
    assert expected_calibration_error(said, right, bins) == pytest.approx(expected, rel=1e-12)


def test_scores_that_are_equal_stay_together() -> None:
    said = np.array([0.9] * 50 + [0.6] * 3)
    bins = equal_mass_bins(said)
    assert len(set(bins[:50].tolist())) == 1
    right = np.array([True] * 45 + [False] * 5 + [True, False, False])
    expected = (50 * abs(0.9 - 45 / 50) + 3 * abs(0.6 - 1 / 3)) / 53
    assert expected_calibration_error(said, right) == pytest.approx(expected, abs=1e-12)


def test_by_chance_a_perfect_model_shows_what_simulation_shows() -> None:
    random = np.random.default_rng(7)
    said = random.uniform(0.5, 1, 200)
    drawn = [expected_calibration_error(said, random.random(200) < said) for _ in range(400)]
    assert error_by_chance(said) == pytest.approx(np.mean(drawn), rel=0.05)
    assert error_by_chance(said) > 0.05  # of 200 answers chance alone shows so much
    assert error_by_chance(random.uniform(0.5, 1, 200_000)) < 0.005


@pytest.mark.parametrize("n", [0, 1, 2])
def test_of_hardly_any(n: int) -> None:
    shares, truth = made(0)
    said, right = confidences(shares[:n], truth[:n])
    assert 0 <= expected_calibration_error(said, right) <= 1
    assert 0 <= error_by_chance(said) <= 1
    assert len(reliability(said, right)) <= n


def test_certain_and_wrong_is_no_infinity() -> None:
    losses = log_losses([[1.0, 0.0], [0.0, 1.0]], [1, 1])
    assert np.isfinite(losses).all()
    assert losses[0] > 700
    assert losses[1] == 0
