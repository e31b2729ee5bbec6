"""Vectors of words' parts in a file, so that unseen words get theirs later.

It is NumPy's ``npz`` (a zip of arrays), read without pickle: opening a file runs nothing.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from hfdl.errors import ConfigError, DataError, ShapeError
from hfdl.foundations.words.subword_vectors import Parts, SubwordVectors
from hfdl.foundations.words.subwords import Subwords

_ARRAYS = ("words", "counts", "cut", "buckets", "table")


def save_parts(vectors: SubwordVectors, path: str | Path) -> None:
    """Write words, parts and how words are cut; an existing file is replaced once it is complete.

    Raises:
        DataError: a word has a line break in it, which is what separates words here.
    """
    for word in vectors.words:
        if "\n" in word:
            raise DataError(f"the word {word!r}", where=str(path), rule="a word is on one line")
    cut = vectors.parts.subwords
    letters = "\n".join(vectors.words).encode("utf-8", "surrogatepass")
    counts = np.zeros(0, np.int64) if vectors.counts is None else vectors.counts
    target = Path(path)
    unfinished = target.with_name(target.name + ".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file, words=np.frombuffer(letters, np.uint8), counts=counts, table=vectors.table,
            cut=np.array([cut.shortest, cut.longest, cut.buckets]), buckets=vectors.parts.buckets,
        )  # fmt: skip
    unfinished.replace(target)


def load_parts(path: str | Path) -> SubwordVectors:
    """Read a file of ``save_parts``.

    Raises:
        DataError: the file is absent, damaged, or another kind of file.
    """
    stored = _arrays(Path(path))
    try:
        words = bytes(stored["words"]).decode("utf-8", "surrogatepass").split("\n")
        shortest, longest, buckets = map(int, stored["cut"])
        parts = Parts(words, Subwords(shortest, longest, buckets))
        if not np.array_equal(parts.buckets, stored["buckets"]):
            raise ShapeError("the buckets are not those of the words")
        if not np.isfinite(stored["table"]).all():
            raise ShapeError("a number is not finite")
        counts = stored["counts"] if len(stored["counts"]) else None
        return SubwordVectors(words, stored["table"], parts, counts)
    except (ConfigError, ShapeError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: stored[name] for name in _ARRAYS}
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _damaged(path: str | Path, error: Exception) -> DataError:
    return DataError(
        f"it is damaged or of another kind ({error})",
        where=str(path),
        rule="vectors of parts are read from files of save_parts",
    )
