"""Word similarity: how well the cosines of vectors agree with people's ratings.

    pairs = read_rated_pairs("wordsim353.tsv")
    rate_similarity(vectors, pairs).spearman

People rated how similar two words are (WordSim-353: Finkelstein et al. 2002; SimLex-999: Hill et
al. 2015, which rates similarity, not mere relatedness). Vectors are good where their cosines put
the pairs in the same order: Spearman's rho, the correlation of ranks, is 1 for the same order and
0 for chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.layer import Floats
from hfdl.foundations.words.vectors import WordVectors


class RatedPair(NamedTuple):
    """Two words, and people's rating of their similarity (both data sets: 0 to 10)."""

    first: str
    second: str
    rating: float


@dataclass(frozen=True)
class Agreement:
    """Spearman's rho between people and vectors, and over how many pairs."""

    spearman: float
    used: int
    missing: int
    """Pairs left out because a word has no vector."""


def ranks(values: ArrayLike) -> Floats:
    """The rank of each value in ascending order, from 1; equals share the mean of their ranks.

    Args:
        values: (n,).

    Returns:
        (n,), float64.
    """
    values = np.asarray(values)
    _, which, repeats = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(repeats)  # the last rank that each different value takes
    return (last - (repeats - 1) / 2.0)[which]


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rho: Pearson's correlation of the ranks (Spearman 1904).

    Args:
        first, second: (n,) each, n >= 2.

    Returns:
        -1 to 1; NaN where one of them has one value throughout, which has no order.

    Raises:
        ShapeError: the shapes differ, are not (n,), or n < 2.
    """
    a, b = np.asarray(first), np.asarray(second)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ShapeError(
            f"{a.shape} and {b.shape}", rule="ranks are correlated for two lists of one length >= 2"
        )
    x, y = ranks(a), ranks(b)
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread else float("nan")


def read_rated_pairs(path: str | Path) -> list[RatedPair]:
    """Read ``word <tab> word <tab> rating`` lines; ``#`` begins a comment, empty lines are skipped.

    Raises:
        DataError: the file is absent or not UTF-8, a line has not three columns, a word is empty
            or the rating is not a finite number; the message names the line.
    """
    rated: list[RatedPair] = []
    for number, line in numbered_lines(path):
        if not line or line.startswith("#"):
            continue
        where = f"{path}, line {number}"
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 3 or not all(columns):
            raise DataError(
                f"{line[:60]!r}", where=where, rule="a line is word, tab, word, tab, rating"
            )
        try:
            rating = float(columns[2])
        except ValueError:
            rating = float("nan")
        if not np.isfinite(rating):
            raise DataError(f"the rating {columns[2]!r}", where=where, rule="a rating is a number")
        rated.append(RatedPair(columns[0], columns[1], rating))
    if not rated:
        raise DataError("there are no pairs", where=str(path))
    return rated


def rate_similarity(
    vectors: WordVectors, rated: Sequence[RatedPair], *, lower: bool = True
) -> Agreement:
    """How well the cosines of word pairs agree with people's ratings.

    Args:
        vectors: of any words.
        rated: pairs; those with a word that has no vector are left out and counted. (Vectors of
            subwords have one for most unseen words.)
        lower: look words up in lower case.

    Raises:
        DataError: fewer than two pairs are left.
    """
    fold = str.lower if lower else str
    words = {fold(word) for pair in rated for word in (pair.first, pair.second)}
    found = {word: vectors.unit_vector(word) for word in words if vectors.can_make(word)}
    pairs = [(fold(p.first), fold(p.second), p.rating) for p in rated]
    complete = [pair for pair in pairs if pair[0] in found and pair[1] in found]
    if len(complete) < 2:
        raise DataError(
            f"{len(complete)} of {len(rated)} pairs have vectors for both words",
            rule="an order needs two pairs",
            remedy="train on more text, or with a smaller min_count",
        )
    cosines = [float(found[first] @ found[second]) for first, second, _ in complete]
    rho = spearman(cosines, [rating for _, _, rating in complete])
    return Agreement(rho, len(complete), len(rated) - len(complete))


def numbered_lines(path: str | Path) -> list[tuple[int, str]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8", where=str(path)) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
