"""Folds: against scikit-learn's properties, and by hand."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from hfdl.data.folds import IN_TRAINING, fold_numbers
from hfdl.errors import DataError

LABELS = ["a"] * 53 + ["b"] * 31 + ["c"] * 7 + ["d"]


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_labels_and_sizes_are_even(folds: int) -> None:
    found = fold_numbers(LABELS, len(LABELS), folds, seed=3)
    sizes = Counter(found)
    assert sizes.pop(IN_TRAINING) == 1  # the only d
    assert set(sizes) == set(range(folds))
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for label in "abc":
        counts = Counter(f for f, one in zip(found, LABELS, strict=True) if one == label)
        assert max(counts.values()) - min(counts.values()) <= 1


def test_the_seed_decides() -> None:
    assert fold_numbers(LABELS, 92, 3, 1) == fold_numbers(LABELS, 92, 3, 1)
    assert fold_numbers(LABELS, 92, 3, 1) != fold_numbers(LABELS, 92, 3, 2)


def test_without_labels_and_with_labels_that_are_all_different() -> None:
    for strata in (None, list(range(11))):
        assert sorted(Counter(fold_numbers(strata, 11, 3, 0)).values()) == [3, 4, 4]


def test_groups_stay_whole_and_labels_as_even_as_scikit_learn_has_them() -> None:
    draws = np.random.default_rng(0)
    groups = draws.integers(0, 25, size=200).tolist()
    labels = ["ab"[int(draws.random() < 0.2 + 0.6 * (g % 2))] for g in groups]
    found = fold_numbers(labels, 200, 4, 0, groups)
    assert all(len({f for f, g in zip(found, groups, strict=True) if g == one}) == 1
               for one in set(groups))  # fmt: skip
    splitter = StratifiedGroupKFold(4)
    theirs = np.empty(200, dtype=int)
    for number, (_, held) in enumerate(splitter.split(labels, labels, groups)):
        theirs[held] = number

    def unevenness(numbers) -> float:
        table = np.array([[sum(f == k and one == label for f, one in zip(numbers, labels,
                           strict=True)) for label in "ab"] for k in range(4)])  # fmt: skip
        return float((table / table.sum(0)).std(0).mean())

    assert unevenness(found) <= unevenness(theirs) * 1.05 + 1e-9


def test_too_few() -> None:
    with pytest.raises(DataError, match="3 rows cannot be divided into 4 folds"):
        fold_numbers(None, 3, 4, 0)
    with pytest.raises(DataError, match="2 groups cannot be divided into 4 folds"):
        fold_numbers(None, 9, 4, 0, list("aaaabbbbb"))
