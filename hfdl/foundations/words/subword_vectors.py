"""Word vectors made of the vectors of words' parts, so that unseen words have one as well.

    vectors = train_fasttext(sentences)
    vectors["harbourmaster"]               # its n-grams were seen in "harbour" and "schoolmaster"
    vectors.nearest("harbourmaster", 3)

A word of the text has n parts: itself and its n-grams. Its vector is their sum over the root of n.
An unseen word has those of its n-grams that words of the text have; n-grams that none has were
never trained, and are left out. Shapes: V words, P parts, D the width of a vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.layer import Floats, Ints
from hfdl.foundations.words.subwords import Subwords
from hfdl.foundations.words.vector_files import write_vectors
from hfdl.foundations.words.vectors import WordVectors


class Parts:
    """Which rows of the table of parts each word of a text is made of.

    Rows 0 to V - 1 belong to the words themselves, the others to the buckets that occur.

    Args:
        words: V of them.
        subwords: how they are cut.
    """

    def __init__(self, words: Sequence[str], subwords: Subwords) -> None:
        self.subwords = subwords
        found = [subwords.buckets_of(word) for word in words]
        self.counts: Ints = np.array([1 + len(buckets) for buckets in found])
        """(V,): the parts of each word."""
        together = np.array([b for buckets in found for b in buckets], dtype=np.int64)
        self.buckets: Ints = np.unique(together)
        """The buckets that occur, ascending."""
        self._row = {bucket: len(words) + i for i, bucket in enumerate(self.buckets.tolist())}
        self._rows: list[Ints] = [
            np.array([i, *(self._row[b] for b in buckets)]) for i, buckets in enumerate(found)
        ]

    def __len__(self) -> int:
        return len(self.counts) + len(self.buckets)

    def of(self, word: int) -> Ints:
        """The rows of word number ``word``."""
        return self._rows[word]

    def of_unseen(self, word: str) -> list[int]:
        """The rows of an unseen word's n-grams; empty where none occurs in the text."""
        return [self._row[b] for b in self.subwords.buckets_of(word) if b in self._row]

    def shares(self, words: Ints) -> tuple[Ints, Floats]:
        """The parts of several words, and how much of each part makes each word.

        Args:
            words: (I,), numbers of words.

        Returns:
            rows (S,), different and ascending; and shares (I, S), float32: k / sqrt(n) where one
            of a word's n parts comes k times.
        """
        together: Ints = np.concatenate([self._rows[int(word)] for word in words])
        rows, column = np.unique(together, return_inverse=True)
        counts = self.counts[words]
        flat = np.repeat(np.arange(len(words)) * len(rows), counts) + column
        weights = np.repeat(counts**-0.5, counts)
        shares = np.bincount(flat, weights=weights, minlength=len(words) * len(rows))
        return rows, shares.astype(np.float32).reshape(len(words), len(rows))


class SubwordVectors(WordVectors):
    """A vector for each word of a text, and for unseen words that share n-grams with them.

    ``word in vectors``, ``len`` and ``words`` are about words of the text. Nearest words are words
    of the text; what is asked for may be unseen.

    Args:
        words: V different words.
        table: (P, D), one row for each part in ``parts``.
        parts: of the same words.
        counts: as in ``WordVectors``.

    Raises:
        ShapeError: the table has not P rows.
    """

    def __init__(
        self, words: Sequence[str], table: Floats, parts: Parts, counts: Ints | None = None
    ) -> None:
        if table.ndim != 2 or len(table) != len(parts):
            raise ShapeError(f"a table {table.shape}", rule=f"there are {len(parts)} parts")
        made = [_joined(table, parts.of(i)) for i in range(len(words))]
        super().__init__(words, np.stack(made), counts)
        self.table, self.parts = table, parts

    def __getitem__(self, word: str) -> Floats:
        """The vector of a word, (D,), seen or unseen.

        Raises:
            DataError: the word is unseen, and so are all of its n-grams.
        """
        if word in self.ids:
            return self.vectors[self.ids[word]]
        if rows := self.parts.of_unseen(word):
            return _joined(self.table, np.array(rows))
        raise DataError(
            f"{word!r} has no n-gram that the text has",
            rule="the vector of an unseen word is made of n-grams that words of the text have",
        )

    def can_make(self, word: str) -> bool:
        """Whether a word is in the text, or has an n-gram of the text."""
        return word in self.ids or bool(self.parts.of_unseen(word))

    def unit_vector(self, word: str) -> Floats:
        """The vector of a word at length 1, seen or unseen; see ``[...]``."""
        vector = self[word]
        length = np.linalg.norm(vector)
        return vector / length if length else vector

    def save(self, path: str | Path, unseen: Iterable[str] = ()) -> None:
        """Write the word2vec text format, for ``model.vectors`` and other programs.

        The format holds vectors of words and no parts, so words that will be needed have to be
        named now: those of a tokenizer's vocabulary, for instance.

        Args:
            path: of the file; one that exists is replaced once the new one is complete.
            unseen: further words, written behind those of the text; words of the text among them
                are not written again, and words without a vector are left out.

        Raises:
            DataError: a word is empty or has white space in it, or a number is not finite.
        """
        new = dict.fromkeys(word for word in unseen if word not in self.ids)
        new = [word for word in new if self.parts.of_unseen(word)]
        vectors = np.concatenate([self.vectors, *(self[word][None] for word in new)])
        write_vectors(path, [*self.words, *new], vectors)


def _joined(table: Floats, rows: Ints) -> Floats:
    """The sum of some rows over the root of their number, (D,)."""
    return table[rows].sum(axis=0) * table.dtype.type(len(rows) ** -0.5)
