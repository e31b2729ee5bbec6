"""Co-occurrence counts of words, from which GloVe learns.

Two words d apart in one sentence count 1 / d (Pennington, Socher and Manning 2014, section 4.2).
The table is symmetric, and mostly empty: only its entries above 0 are kept, as lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Floats, Ints
from hfdl.foundations.words.adagrad_rows import sums_by_key
from hfdl.foundations.words.corpus import Corpus, chunks
from hfdl.foundations.words.pairs import pairs, spans

CHUNK = 65_536
"""Tokens whose pairs are counted at once: at 10 pairs per token and 16 bytes per pair, 10 MB."""


@dataclass(frozen=True)
class Cooccurrences:
    """The entries of the table that are above 0, by row, then by column. E entries."""

    rows: Ints
    """(E,): word ids."""

    columns: Ints
    """(E,): word ids."""

    values: Floats
    """(E,): X, float64."""


def count_cooccurrences(corpus: Corpus, window: int = 10) -> Cooccurrences:
    """Count the pairs of a text, each with 1 / distance in words.

    Args:
        corpus: as from ``read_corpus``; words that it dropped do not count for distance.
        window: the longest distance.

    Raises:
        ConfigError: window is below 1.
    """
    if window < 1:
        raise ConfigError(f"window is {window}", rule="a window reaches at least 1 word")
    words = len(corpus.words)
    keys, values = np.zeros(0, np.int64), np.zeros(0)
    waiting: list[tuple[Ints, Floats]] = []
    size = 0
    for ids, sentence in chunks(corpus, CHUNK):
        waiting.append(_count(ids, sentence, words, window))
        size += len(waiting[-1][0])
        if size > len(keys):  # merge seldom: each merge sorts everything
            keys, values = _merged([(keys, values), *waiting])
            waiting, size = [], 0
    keys, values = _merged([(keys, values), *waiting])
    rows, columns = np.divmod(keys, max(words, 1))
    # Each pair was counted at its smaller id; a word beside itself counts both ways too.
    mirrored = columns * words + rows
    keys, values = _merged([(keys, values), (mirrored, values)])
    rows, columns = np.divmod(keys, max(words, 1))
    return Cooccurrences(rows.astype(np.int32), columns.astype(np.int32), values)


def _count(ids: Ints, sentence: Ints, words: int, window: int) -> tuple[Ints, Floats]:
    """Keys smaller id * words + larger id, and the sums of 1 / distance."""
    position = np.arange(len(ids))
    _, last = spans(sentence, window)
    left, right = pairs(position, last)  # from each word to those after it
    a, b = ids[left].astype(np.int64), ids[right]
    return sums_by_key(np.minimum(a, b) * words + np.maximum(a, b), 1.0 / (right - left))


def _merged(parts: list[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    keys, values = zip(*parts, strict=True)
    return sums_by_key(np.concatenate(keys), np.concatenate(values))
