"""Making the learned merges in a word, in the order in which they were learned."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from hfdl.tokenizers.marks import Marks


def apply_merges(
    symbols: list[str], ranks: Mapping[tuple[str, str], int], marks: Marks
) -> list[str]:
    """The pieces of a word, spelled in its characters.

    Of all merges that are possible, the earliest learned is made first, and the leftmost of its
    places first. A symbol that was merged into its left neighbour is empty; ``before`` and
    ``after`` lead over it. The heap holds (rank, position, pair), some of a pair that is no more.
    So a word of N characters takes N log N steps, and not N * N.

    Args:
        symbols: the word's characters, marked.
        ranks: pairs that are merged; a lower rank goes first.
        marks: how two pieces are made one.
    """
    symbols, end = list(symbols), len(symbols)
    before, after = list(range(-1, end - 1)), list(range(1, end + 1))
    heap: list[tuple[int, int, tuple[str, str]]] = []

    def offer(i: int) -> None:
        """The pair that begins at i, if it is one that is merged."""
        if i >= 0 and after[i] < end:
            pair = (symbols[i], symbols[after[i]])
            if pair in ranks:
                heapq.heappush(heap, (ranks[pair], i, pair))

    for i in range(end):
        offer(i)
    while heap:
        _, i, pair = heapq.heappop(heap)
        j = after[i]
        if j >= end or (symbols[i], symbols[j]) != pair:
            continue
        symbols[i], symbols[j] = marks.merge(*pair), ""
        after[i] = after[j]
        if after[i] < end:
            before[after[i]] = i
        offer(before[i])
        offer(i)
    return [symbol for symbol in symbols if symbol]
