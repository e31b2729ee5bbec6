"""Held-out rows and samples: deterministic, stratified, exact."""

from collections import Counter

import pytest
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.splits import sample, stratified_split
from hfdl.errors import DataError


def test_split_takes_the_share_of_each_stratum():
    strata = ["a"] * 800 + ["b"] * 150 + ["c"] * 50
    kept, taken = stratified_split(strata, 1000, 0.1, seed=0)
    assert Counter(strata[row] for row in taken) == {"a": 80, "b": 15, "c": 5}
    assert kept == sorted(kept)
    assert taken == sorted(taken)
    assert sorted(kept + taken) == list(range(1000))


def test_split_golden_values():
    # Recorded here: a change would move rows between train and validation of old runs.
    assert stratified_split(None, 20, 0.2, seed=0)[1] == [8, 10, 11, 16]
    assert sample(20, 4, seed=0) == [4, 5, 13, 16]


def test_split_depends_on_the_seed_only():
    assert stratified_split(None, 500, 0.1, 1) == stratified_split(None, 500, 0.1, 1)
    assert stratified_split(None, 500, 0.1, 1) != stratified_split(None, 500, 0.1, 2)


def test_small_strata_are_in_both_parts():
    strata = ["a"] * 96 + ["b"] * 2 + ["c"] * 2
    kept, taken = stratified_split(strata, 100, 0.05, seed=3)
    assert Counter(strata[row] for row in taken) == {"a": 3, "b": 1, "c": 1}
    assert Counter(strata[row] for row in kept) == {"a": 93, "b": 1, "c": 1}


def test_large_share_leaves_one_row_of_each_stratum():
    strata = ["a"] * 5 + ["b"] * 5
    kept, taken = stratified_split(strata, 10, 0.99, seed=0)
    assert Counter(strata[row] for row in kept) == {"a": 1, "b": 1}
    assert len(taken) == 8


def test_a_stratum_of_one_row_stays_in_train():
    strata = ["rare", *["a"] * 10, *["b"] * 10]
    for seed in range(20):
        assert 0 in stratified_split(strata, 21, 0.5, seed)[0]


def test_strata_of_one_row_each_are_ignored():
    kept, taken = stratified_split(list(range(10)), 10, 0.3, seed=0)
    assert (len(kept), len(taken)) == (7, 3)


def test_at_least_one_row_is_taken():
    kept, taken = stratified_split(["a", "a", "b"], 3, 0.01, seed=0)
    assert (len(kept), len(taken)) == (2, 1)


def test_one_row_cannot_be_split():
    with pytest.raises(DataError) as caught:
        stratified_split(None, 1, 0.1, seed=0)
    assert_wording(caught.value)


@given(
    strata=st.lists(st.integers(0, 6), min_size=2, max_size=80),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_split_properties(strata, share, seed):
    n = len(strata)
    kept, taken = stratified_split(strata, n, share, seed)
    assert sorted(kept + taken) == list(range(n))
    assert kept
    assert taken
    sizes = Counter(strata)
    several = [name for name, size in sizes.items() if size > 1]
    if several:
        assert set(strata) == {strata[row] for row in kept}
        assert len(taken) <= max(round(n * share), 1)
        if round(n * share) >= len(several):
            assert set(several) == {strata[row] for row in taken}


@given(
    strata=st.lists(st.integers(0, 6), min_size=1, max_size=80),
    limit=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_sample_properties(strata, limit, seed):
    n = len(strata)
    rows = sample(n, limit, seed, strata)
    assert len(set(rows)) == len(rows) == min(n, limit)
    assert rows == sorted(rows)
    sizes, drawn = Counter(strata), Counter(strata[row] for row in rows)
    if limit >= len(sizes):
        assert set(drawn) == set(sizes)
    if limit < n and all(limit * size / n >= 1 for size in sizes.values()):
        assert all(abs(drawn[k] - limit * size / n) < 1 for k, size in sizes.items())


def test_sample_and_split_choose_differently():
    assert sample(1000, 100, 0) != stratified_split(None, 1000, 0.1, 0)[1]


def test_strata_of_another_length_are_refused():
    with pytest.raises(ValueError, match="strata has 2 entries for 3 rows"):
        sample(3, 1, 0, ["a", "b"])
