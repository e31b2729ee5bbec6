"""The initial tokens, before any merge: special ones, then the alphabet, then its marked pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class Symbols:
    """A growing list of tokens with ids, and the initial tokens of each word.

    Ids are given in this order:

    1. special tokens, and other pieces that come first, in their order;
    2. the characters of the corpus and of ``initial_alphabet``, by code point;
    3. with marks, the marked characters that come in words (``##a``), sorted. The library takes
       these in the order of a hash table, which differs from run to run.

    Args:
        counts: the words of the corpus, and how often each comes.
        first: tokens for step 1.
        marks: what marks pieces inside a word.
        initial_alphabet: characters to include even if they do not occur.
        limit_alphabet: the most characters to keep, the most frequent ones; None: all. Those of
            ``initial_alphabet`` are dropped last. Of equally frequent ones the smaller code points
            stay. A character that is not kept is left out of its words.
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
        """The id of two tokens merged into one, which may exist already."""
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
    included = set(initial)
    kept = sorted({*frequency, *included}, key=lambda c: (c not in included, -frequency[c], c))
    return sorted(kept if limit is None else kept[:limit])


# ---- Marks for the position of a piece in its word -----------------------------------------------
# BERT marks pieces that continue a word: ``un ##happi ##ness``. Sennrich et al. (2016) mark the one
# that ends it: ``un happi ness</w>``. Without marks "er" in "error" and "water" is one piece.


@dataclass(frozen=True)
class Marks:
    """Marks of the pieces of a word; either may be empty."""

    prefix: str = ""
    """Before every piece of a word but the first."""
    suffix: str = ""
    """After the last piece of a word."""

    def characters(self, word: str) -> list[tuple[str, str]]:
        """Each character with its marked piece: ``ab`` -> ``(a, a) (b, ##b)``."""
        last = len(word) - 1
        return [
            (char, (self.prefix if i else "") + char + (self.suffix if i == last else ""))
            for i, char in enumerate(word)
        ]

    def merge(self, left: str, right: str) -> str:
        """Two neighbours as one piece: ``##b`` and ``##c`` are ``##bc``."""
        return left + right.removeprefix(self.prefix)


def spaced(tokens: list[str], prefix: str) -> list[str]:
    """Tokens as parts of a text: a space before each that begins a word, but the first."""
    return tokens[:1] + [
        token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
        for token in tokens[1:]
    ]
