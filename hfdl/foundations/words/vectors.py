"""Word vectors: nearest words, analogies, and word2vec's text format.

    vectors = WordVectors.load("vectors.txt")
    vectors["king"]                                         # (D,)
    vectors.nearest("king", 3)                              # [("queen", 0.71), ...]
    vectors.analogy(["king", "woman"], ["man"])             # king - man + woman

The similarity of two words is the cosine of the angle between their vectors, from -1 to 1. Shapes:
V words, D the width of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hfdl.errors import DataError, ShapeError, did_you_mean
from hfdl.foundations.layer import Floats, Ints
from hfdl.foundations.words.vector_files import read_vectors, write_vectors


class WordVectors:
    """A vector for each word.

    Args:
        words: V different words; training gives the most frequent first.
        vectors: (V, D).
        counts: (V,), how often each word occurred; not needed for anything here, and not saved.

    Raises:
        ShapeError: the lengths differ, or vectors has not two axes.
        DataError: a word comes twice.
    """

    def __init__(self, words: Sequence[str], vectors: Floats, counts: Ints | None = None) -> None:
        self.words = list(words)
        self.vectors = vectors
        self.counts = counts
        self.ids = {word: i for i, word in enumerate(self.words)}
        if vectors.ndim != 2 or len(vectors) != len(self.words):
            raise ShapeError(
                f"{len(self.words)} words, vectors {vectors.shape}",
                rule="vectors are (words, width)",
            )
        if counts is not None and len(counts) != len(self.words):
            raise ShapeError(f"{len(self.words)} words, {len(counts)} counts", rule="one each")
        if len(self.ids) < len(self.words):
            twice = next(word for i, word in enumerate(self.words) if self.ids[word] != i)
            raise DataError(f"the word {twice!r} comes twice", rule="a word has one vector")

    @property
    def width(self) -> int:
        """D, the numbers in one vector."""
        return self.vectors.shape[1]

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.ids

    def __getitem__(self, word: str) -> Floats:
        """The vector of a word, (D,).

        Raises:
            DataError: there is none; the message suggests a similar word.
        """
        return self.vectors[self._id(word)]

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, width {self.width})"

    @cached_property
    def unit(self) -> Floats:
        """(V, D): every vector at length 1, so that dot products are cosines; zeros stay zeros.

        Computed at the first use; changes of ``vectors`` after that are not seen.
        """
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)  # (V, 1)
        return self.vectors / np.where(lengths == 0.0, 1.0, lengths).astype(self.vectors.dtype)

    def can_make(self, word: str) -> bool:
        """Whether there is a vector for a word. Where vectors are made of words' parts, more words
        have one than are ``in`` the text."""
        return word in self.ids

    def unit_vector(self, word: str) -> Floats:
        """The vector of a word at length 1, (D,).

        Raises:
            DataError: there is none.
        """
        return self.unit[self._id(word)]

    def similarity(self, first: str, second: str) -> float:
        """The cosine between two words' vectors, -1 to 1.

        Raises:
            DataError: a word has no vector.
        """
        return float(self.unit_vector(first) @ self.unit_vector(second))

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k words most alike, the nearest first, each with its cosine; not the word itself.

        Raises:
            DataError: the word has no vector.
        """
        return self.analogy([word], [], k)

    def analogy(
        self, positive: Sequence[str], negative: Sequence[str] = (), k: int = 10
    ) -> list[tuple[str, float]]:
        """The k words nearest to the sum of ``positive`` less the sum of ``negative``.

        Each word counts at length 1, so that none outweighs another; the words of the question are
        not answers (Mikolov et al. 2013, section 4, arXiv:1301.3781; Levy and Goldberg 2014 call
        this 3CosAdd).

        Returns:
            (word, cosine) pairs, the nearest first; fewer than k where there are fewer words.

        Raises:
            DataError: a word has no vector, or no word is given.
        """
        if not positive and not negative:
            raise DataError("no word is given", rule="an analogy adds and takes away words")
        target = np.zeros(self.width, self.vectors.dtype)
        for words, sign in ((positive, 1), (negative, -1)):
            for word in words:
                target += sign * self.unit_vector(word)
        asked = [self.ids[word] for word in {*positive, *negative} if word in self.ids]
        length = float(np.linalg.norm(target))
        cosines = self.unit @ (target / length if length else target)  # (V,)
        cosines[asked] = -np.inf
        k = min(k, len(self) - len(asked))
        if k < 1:
            return []
        best = np.argpartition(-cosines, k - 1)[:k]
        best = best[np.lexsort((best, -cosines[best]))]  # equals: the more frequent first
        return [(self.words[i], float(cosines[i])) for i in best]

    def save(self, path: str | Path) -> None:
        """Write the word2vec text format: ``V D``, then in each line a word and its D numbers.

        No digit is lost. An existing file is replaced once the new one is complete.

        Raises:
            DataError: a word is empty or has white space in it, or a number is not finite.
        """
        write_vectors(path, self.words, self.vectors)

    @classmethod
    def load(cls, path: str | Path, dtype: Any = np.float32) -> WordVectors:
        """Read the word2vec text format.

        Raises:
            DataError: the file is absent or damaged; the message names the line.
        """
        return cls(*read_vectors(path, dtype))

    def _id(self, word: str) -> int:
        try:
            return self.ids[word]
        except KeyError:
            raise DataError(
                f"there is no vector for {word!r}", remedy=self._suggestion(word)
            ) from None

    def _suggestion(self, word: str) -> str:
        folded = word.lower()
        if folded in self.ids:
            return f"did you mean {folded!r}? these words are in lower case"
        few = [w for w in self.words[:20_000] if abs(len(w) - len(word)) < 3]  # enough, and quick
        hint = did_you_mean(word, few)
        return hint if hint.startswith("did") else "it was not in the text, or too rare"


def initial_vectors(words: int, width: int, rng: np.random.Generator) -> Floats:
    """(words, width), float32, uniform in +-1 / (2 width), as word2vec's own program begins."""
    return (rng.random((words, width), dtype=np.float32) - np.float32(0.5)) / np.float32(width)
