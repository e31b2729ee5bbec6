"""Learning which pieces to merge (Sennrich et al. 2016, section 3.2, arXiv:1508.07909).

Each word begins as its characters. Again and again, the pair of neighbours that is most frequent
in the corpus becomes one piece, until the vocabulary is full. Counting all pairs anew for each
merge would take hours, so counts are kept, and each merge changes those of its neighbours alone.

Where pairs are equally frequent, the one with the smaller ids wins, first by the left id, then by
the right: the choice of the library `tokenizers`, which this follows to the id.
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
    """What training found."""

    tokens: list[str]
    """In the order of their ids."""
    merges: list[tuple[str, str]]
    """In the order in which they were made, and must be made again to encode."""


def learn_merges(
    counts: Mapping[str, int], symbols: Symbols, *, vocab_size: int, min_frequency: int
) -> Learned:
    """The tokens and merges of a corpus.

    Args:
        counts: words, and how often each comes.
        symbols: the tokens before the first merge, which are extended.
        vocab_size: how many tokens there may be in the end.
        min_frequency: how often a pair must come to be merged.

    Raises:
        ConfigError: ``vocab_size`` is less than the tokens before the first merge.
    """
    check_size(vocab_size, len(symbols.tokens), "special tokens and the alphabet are tokens too")
    spelled = [symbols.spell(word) for word in counts]
    pairs = _Pairs(spelled, list(counts.values()))
    merges: dict[Pair, int] = {}
    while len(symbols.tokens) < vocab_size:
        found = pairs.most_frequent(max(min_frequency, 1))
        if found is None:
            break
        pair, where = found
        merged = symbols.merge(*pair)
        # A merge into a token that was there before may come to the same pair a second time. What
        # counts then is its last place.
        merges.pop(pair, None)
        merges[pair] = merged
        pairs.merge(pair, merged, where)
    tokens = symbols.tokens
    return Learned(tokens, [(tokens[left], tokens[right]) for left, right in merges])


class _Pairs:
    """How often each pair of neighbours comes, and in which words.

    The heap holds (-count, left, right, a number, words): its smallest entry is the most frequent
    pair. Counts fall while entries wait; such an entry is put back with its count of today once it
    comes to the top.
    """

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self._words = words
        self._counts = counts
        self._of: Counter[Pair] = Counter()
        self._heap: list[tuple[int, int, int, int, list[int]]] = []
        self._number = itertools.count()  # no two entries are alike, so lists are not compared
        where: dict[Pair, list[int]] = {}
        for i, word in enumerate(words):
            for pair in itertools.pairwise(word):
                self._of[pair] += counts[i]
                _note(where, pair, i)
        self._push(where)

    def most_frequent(self, least: int) -> tuple[Pair, list[int]] | None:
        """The next pair and the words that it was seen in; None: none comes so often."""
        while self._heap:
            negative, left, right, number, where = heapq.heappop(self._heap)
            now = self._of[left, right]
            if -negative == now:
                return ((left, right), where) if now >= least else None
            heapq.heappush(self._heap, (-now, left, right, number, where))
        return None

    def merge(self, pair: Pair, merged: int, where: list[int]) -> None:
        """Make the pair one piece in these words; its neighbours have new neighbours then."""
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
    if not places or places[-1] != i:  # words come in their order: a word is noted once
        places.append(i)


def merge_in(word: Sequence[int], pair: Pair, merged: int) -> tuple[list[int], Changes]:
    """A word with a pair made one piece, and which pairs of neighbours it has more and less.

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


# ---- Making the learned merges in a word, in the order in which they were learned ----------------


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
