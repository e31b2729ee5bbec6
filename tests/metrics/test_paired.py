"""Paired tests against scipy, by plain loops and by simulation under a true null."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, pearsonr
from sklearn.metrics import f1_score, mean_squared_error

from hfdl.metrics.mcnemar import detectable_difference, mcnemar
from hfdl.metrics.paired import accuracy_effect, bootstrap_effect, holm
from hfdl.metrics.sums import (
    of_items,
    of_label_sets,
    of_labels,
    of_means,
    of_numbers,
    of_tokens,
    of_translations,
)


@pytest.mark.parametrize(
    ("b", "c"), [(0, 0), (1, 0), (0, 5), (3, 9), (40, 21), (1200, 1300), (7, 7)]
)
def test_mcnemar_is_the_exact_binomial_test(b: int, c: int) -> None:
    expected = binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_a_hundred_thousand() -> None:
    assert mcnemar(49_000, 51_000) == pytest.approx(binomtest(49_000, 100_000).pvalue, rel=1e-6)
    assert mcnemar(0, 100_000) == 0.0


@pytest.mark.parametrize("n", [1, 3, 200])
def test_two_that_answer_alike(n: int) -> None:
    right = np.arange(n) % 5 != 0
    effect = accuracy_effect(right, right)
    assert (effect.difference, effect.p, effect.is_shown) == (0, 1.0, False)
    assert effect.low is not None
    assert effect.high is not None
    assert effect.low < 0 < effect.high  # to agree on a few is not to agree on all
    drawn = bootstrap_effect(of_means(right), of_means(right))
    assert (drawn.p, drawn.low, drawn.is_shown) == (1.0, None, False)


def right(random: np.random.Generator, n: int, both: float, alone: tuple[float, float]):
    kinds = random.choice(4, n, p=[both, *alone, 1 - both - sum(alone)])
    return (kinds == 0) | (kinds == 1), (kinds == 0) | (kinds == 2)


@pytest.mark.parametrize(
    ("alone", "n"), [((0.08, 0.08), 150), ((0.15, 0.05), 150), ((0.1, 0.1), 25)]
)
def test_the_interval_of_accuracy_covers_what_is_true(alone: tuple[float, float], n: int) -> None:
    random, true = np.random.default_rng(0), alone[1] - alone[0]
    effects = [accuracy_effect(*right(random, n, 0.7, alone)) for _ in range(1500)]
    covered = np.mean([e.low <= true <= e.high for e in effects])  # pyright: ignore
    assert 0.93 <= covered <= 0.99
    if true == 0:
        assert np.mean([e.p < 0.05 for e in effects]) <= 0.06


def test_what_the_set_could_have_shown_it_shows_four_times_in_five() -> None:
    random = np.random.default_rng(1)
    found = accuracy_effect(*right(random, 400, 0.75, (0.05, 0.05))).detectable
    assert found is not None
    alone = (0.05 - found / 2, 0.05 + found / 2)
    shown = [accuracy_effect(*right(random, 400, 0.75, alone)).is_shown for _ in range(400)]
    assert 0.65 <= np.mean(shown) <= 0.92


@pytest.mark.parametrize(("n", "differing"), [(160, 24), (160, 0), (40, 3), (20, 4), (6, 6)])
def test_what_few_that_differ_could_have_shown(n: int, differing: int) -> None:
    """Against scipy's binomial: the power is 4 in 5 at the difference that is told, not below."""
    found = detectable_difference(n, differing)
    assert found is not None
    for moved, above in ((-1e-3, False), (1e-3, True)):
        difference = found + moved
        share = max(differing / n, difference)
        power = 0.0
        for m in range(1, min(n, 100) + 1):
            k = np.arange(m + 1)
            p = np.minimum(1, 2 * binom.cdf(np.minimum(k, m - k), m, 0.5))
            of_these = binom.pmf(k, m, (share + difference) / (2 * share))
            power += binom.pmf(m, n, share) * of_these[p < 0.05].sum()
        assert (power > 0.8) == above
    right = np.arange(n) % 5 != 0
    if not differing:
        assert accuracy_effect(right, right).detectable == found


def test_a_set_of_five_shows_nothing() -> None:
    assert detectable_difference(5, 5) is None


def test_size_and_coverage_of_the_bootstrap() -> None:
    random = np.random.default_rng(2)
    rejected, covered = [], []
    for i in range(300):
        truth = random.normal(size=80)
        sides = [of_numbers(truth, truth + random.normal(size=80))["mse"] for _ in range(2)]
        effect = bootstrap_effect(*sides, seed=i, resamples=400)
        rejected.append(effect.p < 0.05)
        covered.append(effect.low <= 0 <= effect.high)  # pyright: ignore
    assert 0.02 <= np.mean(rejected) <= 0.09
    assert 0.91 <= np.mean(covered) <= 0.98


def test_it_draws_the_same_examples_for_both() -> None:
    """A constant gain on examples that differ widely: unpaired, the interval would hold 0."""
    random = np.random.default_rng(3)
    base = random.normal(scale=100, size=60)
    effect = bootstrap_effect(of_means(base), of_means(base + 1 + random.normal(size=60) / 10))
    assert effect.low is not None
    assert 0.9 < effect.low < (effect.high or 0) < 1.1


def test_the_interval_is_that_of_a_plain_loop() -> None:
    random = np.random.default_rng(4)
    truth, one, other = (random.integers(0, 3, 120) for _ in range(3))
    found = bootstrap_effect(of_labels(truth, one, 3)["f1"], of_labels(truth, other, 3)["f1"])

    def f1(said: np.ndarray, rows: np.ndarray) -> float:
        return float(f1_score(truth[rows], said[rows], average="macro", zero_division=0))  # pyright: ignore

    drawn = [random.integers(120, size=120) for _ in range(400)]
    steps = [f1(other, rows) - f1(one, rows) for rows in drawn]
    assert [found.low, found.high] == pytest.approx(np.quantile(steps, [0.025, 0.975]), abs=0.03)
    every = np.arange(120)
    assert found.difference == pytest.approx(f1(other, every) - f1(one, every), rel=1e-12)


def value(sums) -> float:
    return float(sums.compute(sums.totals()[None])[0])


def test_the_metrics_are_those_of_others() -> None:
    random = np.random.default_rng(5)
    truth, said = random.random((50, 4)) < 0.3, random.random((50, 4)) < 0.4
    found = of_label_sets(truth, said)
    assert value(found["f1"]) == pytest.approx(f1_score(truth, said, average="micro"))
    assert value(found["accuracy"]) == (truth == said).all(axis=1).mean()
    numbers, guessed = random.normal(size=50) + 1e6, random.normal(size=50) + 1e6
    found = of_numbers(numbers, guessed)
    assert value(found["mse"]) == pytest.approx(mean_squared_error(numbers, guessed))
    assert value(found["pearsonr"]) == pytest.approx(pearsonr(numbers, guessed)[0])
    losses, tokens = random.random(9), random.integers(1, 50, 9)
    expected = np.exp((losses * tokens).sum() / tokens.sum())
    assert value(of_tokens(losses, tokens)["perplexity"]) == pytest.approx(expected)
    counts = np.array([[1, 2, 1], [0, 0, 3], [0, 0, 0]])
    found = of_items(counts)
    assert [value(found[n]) for n in ("f1", "precision", "recall")] == [2 / 6, 1 / 2, 1 / 4]


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    import sacrebleu

    references = ["the cat sat on the mat", "a dog barked", "it rained all day long"]
    said = ["the cat sat on a mat", "a dog", "it rained all day"]
    found = of_translations(references, said)
    for name, metric in (("chrf", sacrebleu.CHRF()), ("bleu", sacrebleu.BLEU())):
        assert value(found[name]) == pytest.approx(metric.corpus_score(said, [references]).score)


def test_parts_of_one_document_are_drawn_together() -> None:
    random = np.random.default_rng(6)
    values = np.repeat(random.normal(size=20), 10)
    documents = np.repeat(np.arange(20), 10)
    other = values + np.repeat(random.normal(size=20), 10)
    alone, together = (
        bootstrap_effect(of_means(values), of_means(other)),
        bootstrap_effect(of_means(values).grouped(documents), of_means(other).grouped(documents)),
    )
    assert together.difference == pytest.approx(alone.difference)
    width = [e.high - e.low for e in (alone, together)]  # pyright: ignore
    assert width[1] > 2 * width[0]


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_a_hundred_thousand_rows_take_seconds() -> None:
    import time

    random = np.random.default_rng(7)
    truth = random.normal(size=100_000)
    sides = [of_numbers(truth, truth + random.normal(size=100_000))["mse"] for _ in range(2)]
    began = time.process_time()
    assert bootstrap_effect(*sides).low is not None
    assert time.process_time() - began < 10
