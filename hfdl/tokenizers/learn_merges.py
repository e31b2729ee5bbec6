"""Learning merges (Sennrich et al. 2016, section 3.2, arXiv:1508.07909), and applying them.

Each word begins as its characters. Repeatedly the most frequent pair of neighbours in the corpus
becomes one piece, until the vocabulary is full. Recounting all pairs after each merge would take
hours, so counts are kept, and a merge updates those of its neighbours alone.

Of equally frequent pairs the one with the smaller ids wins, first by the left id, then by the
right, as in the library `tokenizers`: ids are the same.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hfdl.tokenizers.alphabet import Marks, Symbols
from hfdl.tokenizers.corpus import check_size

Pair = tuple[int, int]
Changes = list[tuple[Pair, int]]


@dataclass(frozen=True)
class Learned:
    """The result of training."""

    tokens: list[str]
    """In the order of their ids."""
    merges: list[tuple[str, str]]
    """In the order in which they were learned, and are applied to encode."""


def learn_merges(
    counts: Mapping[str, int], symbols: Symbols, *, vocab_size: int, min_frequency: int
) -> Learned:
    """The tokens and merges of a corpus.

    Args:
        counts: words, and how often each occurs.
        symbols: the tokens before the first merge, which are extended.
        vocab_size: the most tokens in the end.
        min_frequency: how often a pair must occur to be merged.

    Raises:
        ConfigError: ``vocab_size`` is less than the tokens before the first merge.
    """
    check_size(vocab_size, len(symbols.tokens), "special tokens and the alphabet are tokens too")
    spelled = [symbols.spell(word) for word in counts]
    pairs = _Pairs(spelled, list(counts.values()))
    merges: dict[Pair, int] = {}
    while len(symbols.tokens) < vocab_size:
        best = pairs.most_frequent(max(min_frequency, 1))
        if best is None:
            break
        pair, where = best
        merged = symbols.merge(*pair)
        # After a merge into a token that existed before, the same pair may be merged a second time.
        # Its last position in the order counts.
        merges.pop(pair, None)
        merges[pair] = merged
        pairs.merge(pair, merged, where)
    tokens = symbols.tokens
    return Learned(tokens, [(tokens[left], tokens[right]) for left, right in merges])


class _Pairs:
    """How often each pair of neighbours occurs, and in which words.

    The heap holds (-count, left, right, a number, words): its smallest entry is the most frequent
    pair. Counts may fall after an entry is pushed; it is pushed again with its present count once
    it reaches the top.
    """

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self._words = words
        self._counts = counts
        self._of: Counter[Pair] = Counter()
        self._heap: list[tuple[int, int, int, int, list[int]]] = []
        self._number = itertools.count()  # all different, so that lists are never compared
        where: dict[Pair, list[int]] = {}
        for i, word in enumerate(words):
            for pair in itertools.pairwise(word):
                self._of[pair] += counts[i]
                _note(where, pair, i)
        self._push(where)

    def most_frequent(self, least: int) -> tuple[Pair, list[int]] | None:
        """The next pair and the words that it was in; None: none is so frequent."""
        while self._heap:
            negative, left, right, number, where = heapq.heappop(self._heap)
            now = self._of[left, right]
            if -negative == now:
                return ((left, right), where) if now >= least else None
            heapq.heappush(self._heap, (-now, left, right, number, where))
        return None

    def merge(self, pair: Pair, merged: int, where: list[int]) -> None:
        """Merge the pair in these words, and update the counts of its neighbours."""
        appeared: dict[Pair, list[int]] = {}
        for i in where:
            self._words[i], changes = merge_in(self._words[i], pair, merged)
            for changed, by in changes:
                self._of[changed] += by * self._counts[i]
                if by > 0:
                    _note(appeared, changed, i)
        self._push(appeared)

    def _push(self, where: dict[Pair, list[int]]) -> None:
        for pair, places in where.items():
            if self._of[pair] > 0:
                entry = (-self._of[pair], *pair, next(self._number), places)
                heapq.heappush(self._heap, entry)


def _note(where: dict[Pair, list[int]], pair: Pair, i: int) -> None:
    places = where.setdefault(pair, [])
    if not places or places[-1] != i:  # words come in order, so this notes each once
        places.append(i)


def merge_in(word: Sequence[int], pair: Pair, merged: int) -> tuple[list[int], Changes]:
    """A word with a pair merged, and the changes in its pairs of neighbours.

    >>> merge_in([5, 1, 2, 7], (1, 2), 9)
    ([5, 9, 7], [((5, 1), -1), ((5, 9), 1), ((2, 7), -1), ((9, 7), 1)])
    """
    left, right = pair
    made: list[int] = []
    changes: Changes = []
    i, last = 0, len(word) - 1
    while i <= last:
        if word[i] == left and i < last and word[i + 1] == right:
            if made:
                changes += [((made[-1], left), -1), ((made[-1], merged), 1)]
            if i + 1 < last:
                changes += [((right, word[i + 2]), -1), ((merged, word[i + 2]), 1)]
            made.append(merged)
            i += 2
        else:
            made.append(word[i])
            i += 1
    return made, changes


# ---- Applying learned merges to a word, in the order in which they were learned ------------------


def apply_merges(
    symbols: list[str], ranks: Mapping[tuple[str, str], int], marks: Marks
) -> list[str]:
    """The pieces of a word, spelled in its characters.

    Of all possible merges the earliest learned is applied first, and of its positions the leftmost.
    A symbol that was merged into its left neighbour is empty, and ``before`` and ``after`` skip it.
    The heap holds (rank, position, pair), some of pairs that no longer exist. So a word of N
    characters takes N log N steps, not N * N.

    Args:
        symbols: the word's characters, marked.
        ranks: the rank of each pair that is merged; a lower rank goes first.
        marks: how two pieces are merged.
    """
    symbols, end = list(symbols), len(symbols)
    before, after = list(range(-1, end - 1)), list(range(1, end + 1))
    heap: list[tuple[int, int, tuple[str, str]]] = []

    def offer(i: int) -> None:
        """Push the pair at i, if it is one that is merged."""
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
