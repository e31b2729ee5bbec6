"""The tokens before the first merge: special ones, then the alphabet, then its marked pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hfdl.tokenizers.marks import Marks


class Symbols:
    """Tokens with ids, which grow in training; and how a word is spelled in them at first.

    Ids are given in this order:

    1. special tokens, and other pieces that are to be first, as they are given;
    2. the characters of the corpus and of ``initial_alphabet``, by code point;
    3. with marks, the marked characters that come in words (``##a``), sorted. The library takes
       these in the order of a hash table, which is another in each run.

    Args:
        counts: the words of the corpus, and how often each comes.
        first: tokens for step 1.
        marks: what marks pieces inside a word.
        initial_alphabet: characters to have, whether they come or not.
        limit_alphabet: the most characters to keep, the most frequent ones; None: all. Those of
            ``initial_alphabet`` go last. Of equally frequent ones the smaller code points stay.
            A character that is not kept is left out of its words.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        *,
        first: Iterable[str] = (),
        marks: Marks,
        initial_alphabet: Iterable[str] = (),
        limit_alphabet: int | None = None,
    ) -> None:
        self.tokens: list[str] = []
        self._ids: dict[str, int] = {}
        self._marks = marks
        for token in first:
            self._add(token)
        for char in _alphabet(counts, initial_alphabet, limit_alphabet):
            self._add(char)
        if marks != Marks():
            marked = {piece for word in counts for piece in self._spelling(word)}
            for piece in sorted(marked):
                self._add(piece)

    def spell(self, word: str) -> list[int]:
        """The ids of a word's characters, each with its marks."""
        return [self._ids[piece] for piece in self._spelling(word)]

    def merge(self, left: int, right: int) -> int:
        """The id of two tokens as one, which may be there already."""
        return self._add(self._marks.merge(self.tokens[left], self.tokens[right]))

    def _spelling(self, word: str) -> list[str]:
        return [piece for char, piece in self._marks.characters(word) if char in self._ids]

    def _add(self, token: str) -> int:
        if token not in self._ids:
            self._ids[token] = len(self.tokens)
            self.tokens.append(token)
        return self._ids[token]


def _alphabet(counts: Mapping[str, int], initial: Iterable[str], limit: int | None) -> list[str]:
    """The characters to keep, by code point."""
    frequency: Counter[str] = Counter()
    for word, count in counts.items():
        for char in word:
            frequency[char] += count
    wanted = set(initial)
    kept = sorted({*frequency, *wanted}, key=lambda c: (c not in wanted, -frequency[c], c))
    return sorted(kept if limit is None else kept[:limit])
