"""The temperature against scipy's minimum, and its figures against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from hfdl.calibration.figures import fitted, split_figures
from hfdl.calibration.measured import in_order
from hfdl.calibration.scaling import probabilities
from hfdl.tasks.label_logits import LabelLogits


def made(seed: int, true: float, n: int = 400, *, several: bool = False) -> LabelLogits:
    """Logits whose best temperature is about ``true``."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=1.5, size=(n, 3))
    if several:
        targets = (random.random((n, 3)) < expit(logits)).astype(np.int64)
    else:
        targets = np.array([random.choice(3, p=row) for row in softmax(logits, axis=1)])
    return LabelLogits(logits * true, np.arange(n), targets, np.arange(n))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("true", [0.2, 1.0, 1.7, 9.0])
def test_it_is_the_minimum_that_scipy_finds(true: float, several: bool) -> None:
    found = made(3, true, several=several)

    def loss(log: float) -> float:
        scaled = found.logits / np.exp(log)
        if several:
            return float(np.logaddexp(0, np.where(found.targets == 1, -scaled, scaled)).mean())
        rows = log_softmax(scaled, axis=1)
        return -float(rows[np.arange(len(rows)), found.targets].mean())

    best: Any = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10})
    temperature = fitted(found)
    assert temperature == pytest.approx(np.exp(best.x), rel=1e-6)
    assert temperature == pytest.approx(true, rel=0.25)


def test_no_temperature_where_all_is_right_or_nothing_is_known() -> None:
    found = made(0, 1.0)
    right = LabelLogits(found.logits, found.items, found.logits.argmax(axis=1), found.examples)
    assert fitted(right) is None
    least = LabelLogits(found.logits, found.items, found.logits.argmin(axis=1), found.examples)
    assert fitted(least) is None


def test_windows_of_a_text_are_averaged_as_probabilities() -> None:
    random = np.random.default_rng(0)
    logits, items = random.normal(size=(5, 3)), np.array([0, 0, 1, 2, 2])
    found = LabelLogits(logits, items, np.array([0, 1, 2]), np.arange(3))
    shares = softmax(logits / 1.7, axis=1)
    expected = [shares[:2].mean(0), shares[2], shares[3:].mean(0)]
    assert probabilities(found, 1.7) == pytest.approx(np.array(expected))
    alone = found.of(np.array([False, True, True]))
    assert probabilities(alone, 1.7) == pytest.approx(np.array(expected[1:]))


def test_batches_in_any_order_are_one_split() -> None:
    random = np.random.default_rng(1)
    logits, items = random.normal(size=(7, 2)), np.array([0, 0, 1, 2, 3, 3, 3])
    whole = LabelLogits(logits, items, np.array([0, 1, 1, 0]), np.array([0, 0, 1, 2]))
    first = whole.of(np.array([False, False, True, True]))
    second = whole.of(np.array([True, True, False, False]))
    again = in_order([first, second])
    for name in ("logits", "items", "targets", "examples"):
        assert (getattr(again, name) == getattr(whole, name)).all(), name


def test_figures_on_the_split_itself_are_cross_fitted() -> None:
    found = made(5, 3.0, n=90)
    temperature = fitted(found)
    assert temperature is not None
    honest = split_figures(found, temperature, cross_fitted=True).figures["nll"]
    flattering = split_figures(found, temperature, cross_fitted=False).figures["nll"]
    assert honest.before == flattering.before
    assert honest.after > flattering.after
    assert honest.verdict == "better"


def test_the_interval_is_that_of_a_plain_bootstrap() -> None:
    found = made(5, 2.0, n=150)
    change = split_figures(found, 2.0, cross_fitted=False).figures["nll"]
    rows = np.arange(150)
    steps = (log_softmax(found.logits, axis=1) - log_softmax(found.logits / 2, axis=1))[
        rows, found.targets
    ]
    random = np.random.default_rng(11)
    means = [steps[random.integers(150, size=150)].mean() for _ in range(4000)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert (change.low, change.high) == (
        pytest.approx(low, abs=0.01),
        pytest.approx(high, abs=0.01),
    )


def test_words_of_a_sentence_are_drawn_together() -> None:
    """Ten copies of each item are no more knowledge, where they are of the same example."""
    one = made(5, 2.0, n=60)
    ten = LabelLogits(
        np.tile(one.logits, (10, 1)), np.arange(600), np.tile(one.targets, 10),
        np.tile(one.examples, 10),
    )  # fmt: skip
    alone, copied = (
        split_figures(each, 2.0, cross_fitted=False).figures["nll"] for each in (one, ten)
    )
    assert copied.before == pytest.approx(alone.before)
    assert (copied.low, copied.high) == (pytest.approx(alone.low), pytest.approx(alone.high))


def test_where_nothing_is_to_be_gained_it_says_so() -> None:
    verdicts = []
    for seed in range(20):
        found = made(seed, 1.0, n=200)
        temperature = fitted(found)
        assert temperature is not None
        verdicts.append(split_figures(found, temperature, cross_fitted=True).figures["nll"].verdict)
    assert verdicts.count("better") <= 1
    assert verdicts.count("unclear") >= 15


@pytest.mark.parametrize("n", [1, 2, 3])
def test_of_hardly_any_examples(n: int) -> None:
    found = made(1, 1.0, n=n)
    figures = split_figures(found, 1.3, cross_fitted=True)
    assert figures.examples == n
    assert all(np.isfinite([one.before, one.after]).all() for one in figures.figures.values())
