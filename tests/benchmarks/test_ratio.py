"""Ratios and intervals, against figures that were worked out by hand and by scipy."""

from __future__ import annotations

import math

import pytest

from benchmarks.harness.ratio import Ratio, ratio_of, verdict


def test_two_pairs_by_hand() -> None:
    # Ratios 2 and 8: logarithms ln 2 and 3 ln 2, mean 2 ln 2, sd sqrt(2) ln 2, standard error ln 2;
    # t with one degree of freedom is 12.7062.
    found = ratio_of([2.0, 8.0], [1.0, 1.0])
    assert found.value == pytest.approx(4.0)
    assert found.low == pytest.approx(4 * 2**-12.706204736)
    assert found.high == pytest.approx(4 * 2**12.706204736)
    assert found.pairs == 2


def test_scipy_gives_the_same_interval() -> None:
    from scipy import stats

    above, below = [3.1, 2.9, 3.3, 3.0, 4.5], [2.0, 1.9, 2.1, 2.2, 2.0]
    logs = [math.log(a / b) for a, b in zip(above, below, strict=True)]
    low, high = stats.t.interval(0.95, 4, loc=sum(logs) / 5, scale=stats.sem(logs))
    found = ratio_of(above, below)
    assert found.value == pytest.approx(stats.gmean([math.exp(x) for x in logs]))
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_it_is_of_pairs_not_of_means() -> None:
    """A machine that is ten times slower in the second round changes nothing."""
    found = ratio_of([2.0, 20.0, 2.0], [1.0, 10.0, 1.0])
    assert found.low == pytest.approx(2.0) == found.value == pytest.approx(found.high)


def test_the_other_way_round_is_the_reciprocal() -> None:
    a, b = [2.0, 3.0, 2.5], [1.0, 1.1, 1.3]
    there, back = ratio_of(a, b), ratio_of(b, a)
    assert back.value == pytest.approx(1 / there.value)
    assert back.low == pytest.approx(1 / there.high)  # type: ignore[operator]


def test_a_single_pair_has_no_interval() -> None:
    assert ratio_of([3.0], [2.0]) == Ratio(1.5, None, None, 1)
    assert "one pair" in str(ratio_of([3.0], [2.0]))


@pytest.mark.parametrize(
    ("above", "below"), [([], []), ([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([1.0], [-1.0])]
)
def test_what_has_no_ratio_is_refused(above: list[float], below: list[float]) -> None:
    with pytest.raises(ValueError, match=r"over|above 0"):
        ratio_of(above, below)


@pytest.mark.parametrize(
    ("low", "high", "at_least", "at_most", "expected"),
    [
        (1.6, 1.9, 1.6, None, "holds"),
        (1.5, 1.9, 1.6, None, "undecided"),
        (1.2, 1.59, 1.6, None, "does not hold"),
        (0.1, 0.31, None, 0.31, "holds"),
        (0.1, 0.32, None, 0.31, "undecided"),
        (0.32, 0.4, None, 0.31, "does not hold"),
        (None, None, 1.6, None, "undecided"),
        (1.0, 2.0, None, None, "recorded"),
    ],
)
def test_the_whole_interval_decides(
    low: float | None, high: float | None, at_least: float | None, at_most: float | None,
    expected: str,
) -> None:  # fmt: skip
    assert verdict(Ratio(2.0, low, high, 3), at_least, at_most) == expected
