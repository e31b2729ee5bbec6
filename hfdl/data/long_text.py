"""Shortening long texts: to the start, to start and end, or into windows.

Every function works on token ids without special tokens, and returns how many it left out.
"""

from __future__ import annotations

from collections.abc import Sequence

Ids = list[int]


def fit_single(ids: Ids, room: int, policy: str, stride: int) -> tuple[list[Ids], int]:
    """Rows of at most ``room`` ids from one text that is longer than that, and the ids lost.

    ``head_tail`` keeps a quarter of the room for the start and the rest for the end: on long
    reviews this beat either end alone (Sun et al. 2019, "How to Fine-Tune BERT for Text
    Classification?", section 5.3.1, 128 + 382 tokens).
    """
    if policy == "window":
        return windows(ids, room, stride), 0
    if policy == "head_tail":
        head = room // 4
        return [ids[:head] + ids[len(ids) - (room - head) :]], len(ids) - room
    return [ids[:room]], len(ids) - room


def fit_pair(
    first: Ids, second: Ids, room: int, policy: str, stride: int
) -> tuple[list[tuple[Ids, Ids]], int]:
    """The same for a pair.

    ``truncate`` shortens the longer text first, as tokenizers' ``longest_first`` does. The other
    policies keep the shorter text whole (up to half the room) in every row and apply themselves
    to the longer one.
    """
    if policy == "truncate":
        n_first, n_second = longest_first(len(first), len(second), room)
        lost = len(first) + len(second) - n_first - n_second
        return [(first[:n_first], second[:n_second])], lost
    short, long = (first, second) if len(first) <= len(second) else (second, first)
    kept = short[: room // 2]
    if len(long) <= room - len(kept):
        rows, lost = [long], 0
    else:
        rows, lost = fit_single(long, room - len(kept), policy, stride)
    lost += len(short) - len(kept)
    if short is first:
        return [(kept, row) for row in rows], lost
    return [(row, kept) for row in rows], lost


def windows(ids: Sequence[int], size: int, overlap: int) -> list[Ids]:
    """Windows of exactly ``size`` ids that cover all of ``ids``.

    Neighbours share at least ``overlap`` ids, but never more than half a window; the last window
    ends where the text ends, so that none is a short rest without context.
    """
    step = size - min(overlap, size // 2)
    last = len(ids) - size
    starts = [*range(0, last, step), last]
    return [list(ids[start : start + size]) for start in starts]


def longest_first(n_first: int, n_second: int, room: int) -> tuple[int, int]:
    """How many ids of each text of a pair stay when the longer one is cut first.

    The rule of the tokenizers library (``TruncationStrategy::LongestFirst``).
    """
    if n_first + n_second <= room:
        return n_first, n_second
    small, large = min(n_first, n_second), max(n_first, n_second)
    large = small if small > room else max(small, room - small)
    if small + large > room:
        small = room // 2
        large = small + room % 2
    return (small, large) if n_first <= n_second else (large, small)
