"""Random orders: each number once, a function of the keys alone, and uniform."""

from __future__ import annotations

import numpy as np
import pytest

from hfdl.data import random_order as module
from hfdl.data.random_keys import Stream, random_keys
from hfdl.data.random_order import SORTED, Permutation, random_order


@pytest.mark.parametrize("n", [*range(1, 70), 255, 256, 257, 1023, 1024, 1025, 4097, 100_003])
def test_a_permutation_has_every_number_once(n: int) -> None:
    found = Permutation(n, 3, 0, 1)(np.arange(n))
    assert found.dtype == np.int64
    assert np.array_equal(np.sort(found), np.arange(n))


def test_elements_do_not_depend_on_what_else_is_asked_for() -> None:
    permutation = Permutation(1_000, 7, 0, 2)
    every = permutation(np.arange(1_000))
    assert [int(permutation(np.array(i))) for i in range(1_000)] == every.tolist()
    places = np.array([[5, 999], [0, 5]])
    assert np.array_equal(permutation(places), every[places])


def test_keys_give_other_orders() -> None:
    keys = [(seed, stream, epoch) for seed in range(3) for stream in range(3) for epoch in range(3)]
    orders = {tuple(Permutation(200, *key)(np.arange(200)).tolist()) for key in keys}
    assert len(orders) == 27


def test_every_place_gets_every_number_equally_often() -> None:
    n, draws = 20, 4_000
    counts = np.zeros((n, n))
    for seed in range(draws):
        counts[np.arange(n), Permutation(n, seed, 0, 0)(np.arange(n))] += 1
    chi_square = ((counts - draws / n) ** 2 / (draws / n)).sum()
    freedom = (n - 1) ** 2  # rows and columns have fixed sums
    assert abs(chi_square - freedom) < 4 * np.sqrt(2 * freedom)


def test_neighbours_are_not_kept_together() -> None:
    n = 100_003
    found = Permutation(n, 0, 0, 0)(np.arange(n))
    distance = np.abs(np.diff(found))
    assert abs(distance.mean() / (n / 3) - 1) < 0.02  # of two uniform numbers: n / 3
    rank = np.corrcoef(np.arange(n), found)[0, 1]
    assert abs(rank) < 4 / np.sqrt(n)


def test_few_rows_are_sorted_by_their_keys_and_many_are_not_kept() -> None:
    few = random_order(1_000, seed=5, stream=Stream.ORDER, epoch=2)
    keys = random_keys(1_000, seed=5, stream=Stream.ORDER, epoch=2)
    assert isinstance(few, np.ndarray)
    assert np.array_equal(few, np.argsort(keys))
    many = random_order(10**12, seed=5, stream=Stream.ORDER, epoch=2)
    assert len(many) == 10**12
    assert np.array_equal(many[:4], Permutation(10**12, 5, Stream.ORDER, 2)(np.arange(4)))


def test_order_golden_values(monkeypatch: pytest.MonkeyPatch) -> None:
    # Recorded here: a change would give resumed runs another order than they began with.
    assert SORTED == 1 << 20
    monkeypatch.setattr(module, "SORTED", 0)
    assert random_order(9, seed=0, stream=Stream.ORDER)[:].tolist() == GOLDEN


GOLDEN = [7, 8, 6, 4, 0, 2, 5, 3, 1]
