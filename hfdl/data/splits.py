"""Splitting off validation rows, and sampling rows for smaller runs.

Both are pure functions of the seed and the rows' strata (labels): no global generator, no order
of calls. A stratum keeps its share in each part as nearly as whole rows allow.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Sequence

import numpy as np

from hfdl.data.random_keys import Stream, random_keys
from hfdl.errors import DataError


def stratified_split(
    strata: Sequence[Hashable] | None, n: int, share: float, seed: int
) -> tuple[list[int], list[int]]:
    """Split rows 0..n-1 into those kept and those taken away.

    ``round(n * share)`` rows are taken, at least 1 and at most n - 1. A stratum of two rows or
    more has at least one row in each part, as long as there are enough rows to take; then the
    largest strata come first. A stratum of one row stays in the kept part, because a label that
    only validation has cannot be learned. Where every stratum has one row they are ignored.

    Args:
        strata: one hashable per row, for instance its label; None: all rows are one stratum.
        n: number of rows, at least 2.
        share: share to take, between 0 and 1.
        seed: the run's seed.

    Returns:
        (kept, taken): rows in ascending order.

    Raises:
        DataError: fewer than two rows.
    """
    if n < 2:
        raise DataError(
            f"{n} row{'' if n == 1 else 's'} cannot be split in two",
            rule="a validation split needs at least one row and leaves at least one",
            remedy="give more rows, or a validation split of its own",
        )
    keys = random_keys(n, seed=seed, stream=Stream.SPLIT)
    groups = _groups(strata, n)
    if all(len(rows) == 1 for rows in groups):
        groups = [np.arange(n)]
    groups = [rows for rows in groups if len(rows) > 1]
    caps = [len(rows) - 1 for rows in groups]
    total = min(max(round(n * share), 1), sum(caps))
    taken = _draw(groups, _apportion([len(rows) for rows in groups], caps, total), keys)
    kept = np.setdiff1d(np.arange(n), taken, assume_unique=True)
    return kept.tolist(), taken.tolist()


def sample(n: int, limit: int, seed: int, strata: Sequence[Hashable] | None = None) -> list[int]:
    """Choose ``min(n, limit)`` of the rows 0..n-1.

    Args:
        n: number of rows.
        limit: how many to keep.
        seed: the run's seed.
        strata: one hashable per row; each stratum keeps its share, and at least one row as long
            as ``limit`` allows it (the largest strata first).

    Returns:
        rows in ascending order.
    """
    if limit >= n:
        return list(range(n))
    keys = random_keys(n, seed=seed, stream=Stream.SAMPLE)
    groups = _groups(strata, n)
    sizes = [len(rows) for rows in groups]
    return _draw(groups, _apportion(sizes, sizes, limit), keys).tolist()


def _groups(strata: Sequence[Hashable] | None, n: int) -> list[np.ndarray]:
    """Rows of each stratum, ascending; strata in order of first appearance."""
    if strata is None:
        return [np.arange(n)]
    if len(strata) != n:
        raise ValueError(f"strata has {len(strata)} entries for {n} rows")
    rows_of: dict[Hashable, list[int]] = {}
    for row, stratum in enumerate(strata):
        rows_of.setdefault(stratum, []).append(row)
    return [np.asarray(rows) for rows in rows_of.values()]


def _apportion(sizes: Sequence[int], caps: Sequence[int], total: int) -> list[int]:
    """Whole numbers that add up to ``total``, proportional to ``sizes`` and at most ``caps``.

    One each to the largest first, so that small strata are not rounded away; then one by one to
    whichever is furthest below its exact share, which is the method of largest remainders.
    """
    if len(sizes) == 1:
        return [total]
    counts = [0] * len(sizes)
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i])[:total]:
        counts[i] = 1
    exact = [total * size / sum(sizes) for size in sizes]
    heap = [(counts[i] - exact[i], i) for i in range(len(sizes)) if counts[i] < caps[i]]
    heapq.heapify(heap)
    for _ in range(total - sum(counts)):
        surplus, i = heapq.heappop(heap)
        counts[i] += 1
        if counts[i] < caps[i]:
            heapq.heappush(heap, (surplus + 1, i))
    return counts


def _draw(groups: Sequence[np.ndarray], counts: Sequence[int], keys: np.ndarray) -> np.ndarray:
    """The rows with the smallest keys of each group, ascending over all groups."""
    drawn = [
        rows[np.argsort(keys[rows], kind="stable")[:count]]
        for rows, count in zip(groups, counts, strict=True)
    ]
    return np.sort(np.concatenate(drawn))
