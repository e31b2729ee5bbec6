"""Dividing rows into folds for cross-validation: by label, and with groups kept whole."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from hfdl.data.random_keys import Stream, random_keys
from hfdl.errors import DataError

IN_TRAINING = -1
"""The fold of rows that are always trained on."""


def fold_numbers(
    strata: Sequence[Hashable] | None,
    n: int,
    folds: int,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> list[int]:
    """The fold that each of the rows 0..n-1 is validated in.

    Without groups a stratum's rows are dealt one by one, and the next stratum goes on with the next
    fold: a stratum's share differs by at most a row between folds, and so does a fold's size. A
    stratum of one row is always trained on (``IN_TRAINING``), because a label that only validation
    has cannot be learned; where every stratum has one row they are ignored.

    With groups each group goes, the largest first, to the fold after which the strata are spread
    most evenly, as scikit-learn's StratifiedGroupKFold does it.

    Args:
        strata: one hashable per row, for instance its label; None: all rows are one stratum.
        n: number of rows.
        folds: how many, at least 2.
        seed: the run's seed.
        groups: one hashable per row; rows of one group share a fold. None: each row is its own.

    Raises:
        DataError: there are fewer rows, or groups, than folds.
    """
    whole = n if groups is None else len(set(groups))
    if whole < folds:
        unit = "row" if groups is None else "group"
        raise DataError(
            f"{whole} {unit}{'' if whole == 1 else 's'} cannot be divided into {folds} folds",
            where="data.folds",
            rule=f"each fold needs a {unit} at least",
            remedy="set data.folds=null and data.fold=null"
            if whole < 2
            else f"set data.folds={whole} or fewer",
        )
    keys = random_keys(n, seed=seed, stream=Stream.FOLDS)
    names = list(dict.fromkeys(strata)) if strata is not None else [None]
    numbers = {name: i for i, name in enumerate(names)}
    stratum = np.array([0] * n if strata is None else [numbers[one] for one in strata])
    if groups is None:
        return _dealt(stratum, keys, folds)
    return _by_group(stratum, keys, folds, groups)


def _dealt(stratum: np.ndarray, keys: np.ndarray, folds: int) -> list[int]:
    counts = np.bincount(stratum)
    if counts.max() == 1:
        stratum, counts = np.zeros_like(stratum), np.array([len(stratum)])
    found = np.full(len(stratum), IN_TRAINING)
    dealt = 0
    for number, count in enumerate(counts.tolist()):
        if count < 2:
            continue
        rows = np.flatnonzero(stratum == number)
        rows = rows[np.argsort(keys[rows], kind="stable")]
        found[rows] = (dealt + np.arange(count)) % folds
        dealt += count
    return found.tolist()


def _by_group(
    stratum: np.ndarray, keys: np.ndarray, folds: int, groups: Sequence[Hashable]
) -> list[int]:
    rows_of: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        rows_of.setdefault(group, []).append(row)
    counts = {
        group: np.bincount(stratum[rows], minlength=int(stratum.max()) + 1)
        for group, rows in rows_of.items()
    }
    total = np.bincount(stratum).astype(float)
    held = np.zeros((folds, len(total)))
    found = np.zeros(len(stratum), dtype=int)
    # Those that are hardest to place come first; equal ones in a random order.
    for group in sorted(rows_of, key=lambda g: (-counts[g].std(), -len(rows_of[g]),
                                                keys[rows_of[g][0]])):  # fmt: skip
        spread = [_spread(held, fold, counts[group], total) for fold in range(folds)]
        best = min(range(folds), key=lambda fold: (round(spread[fold], 9), held[fold].sum(), fold))
        held[best] += counts[group]
        found[rows_of[group]] = best
    return found.tolist()


def _spread(held: np.ndarray, fold: int, added: np.ndarray, total: np.ndarray) -> float:
    """How unevenly the strata lie over the folds once a group has gone to one of them."""
    held = held.copy()
    held[fold] += added
    return float((held / total).std(axis=0).mean())
