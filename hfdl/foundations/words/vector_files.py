"""The word2vec text format: a line ``V D``, then V lines of a word and its D numbers.

It is what word2vec's own program writes with ``-binary 0``; gensim, fastText and spaCy read it.
Parts of a line are separated by single spaces, the text is UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from hfdl.errors import DataError
from hfdl.foundations.layer import Floats


def write_vectors(path: str | Path, words: Sequence[str], vectors: Floats) -> None:
    """Write words and vectors (V, D); an existing file is replaced once the new one is complete.

    Raises:
        DataError: a word is empty or has white space in it, or a number is not finite.
    """
    for number, word in enumerate(words):
        if word.split() != [word]:
            raise DataError(
                f"the word {word!r}", where=str(path), rule="a word has no white space in this file"
            )
        if not np.isfinite(vectors[number]).all():
            raise DataError(
                f"the vector of {word!r} is not finite", where=str(path), rule="numbers are finite"
            )
    # 9 digits give a float32 back exactly, 17 a float64 (IEEE 754, section 5.12.2).
    digits = 17 if vectors.dtype == np.float64 else 9
    line = " ".join([f"%.{digits}g"] * vectors.shape[1])
    target = Path(path)
    unfinished = target.with_name(target.name + ".unfinished")
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(words)} {vectors.shape[1]}\n")
        for word, vector in zip(words, vectors, strict=True):
            file.write(f"{word} {line % tuple(vector.tolist())}\n")
    unfinished.replace(target)


def read_vectors(path: str | Path, dtype: Any = np.float32) -> tuple[list[str], Floats]:
    """The words and their vectors (V, D) in a file.

    Raises:
        DataError: the file is absent, is not UTF-8, its first line is not two numbers, a line has
            too few or too many numbers or one that is none, a word comes twice, or the file has
            more or fewer words than its first line says. The message names the line.
    """
    path = Path(path)
    lines = _lines(path)
    expected, width = _header(path, next(lines, (1, ""))[1])
    ids: dict[str, int] = {}
    rows: list[Floats] = []
    for number, line in lines:
        if len(ids) == expected:
            raise _damaged(path, number, f"word number {expected + 1}", f"line 1 says {expected}")
        word, *numbers = line.split(" ")
        if len(numbers) != width:
            raise _damaged(
                path, number, f"{len(numbers)} numbers after {word!r}", f"line 1 says {width}"
            )
        if word in ids:
            raise _damaged(path, number, f"{word!r} comes again", "a word has one vector")
        ids[word] = number
        rows.append(_vector(path, number, numbers, dtype))
    if len(ids) < expected:
        raise _damaged(
            path, len(ids) + 1, f"the file ends after {len(ids)} words", f"line 1 says {expected}"
        )
    return list(ids), np.stack(rows) if rows else cast("Floats", np.zeros((0, width), dtype))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends; only a newline ends a line, as words may hold the rest."""
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                # The C program leaves a space at the end of each line.
                yield number, line.decode("utf-8").rstrip(" \r\n")
    except UnicodeDecodeError as error:
        raise _damaged(path, number, f"byte {error.start} is not UTF-8", "text is UTF-8") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from None


def _header(path: Path, line: str) -> tuple[int, int]:
    parts = line.split(" ")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        expected, width = map(int, parts)
        if width:
            return expected, width
    raise _damaged(
        path, 1, f"the file begins {line[:40]!r}", "line 1 is the number of words and their width"
    )


def _vector(path: Path, number: int, numbers: list[str], dtype: Any) -> Floats:
    try:
        vector = np.array(numbers, dtype=np.float64)
    except ValueError as error:
        raise _damaged(path, number, str(error), "a word is followed by numbers") from None
    if not np.isfinite(vector).all():
        raise _damaged(path, number, "a number is not finite", "vectors are finite")
    return vector.astype(dtype)


def _damaged(path: Path, number: int, problem: str, rule: str) -> DataError:
    return DataError(problem, where=f"{path}, line {number}", rule=rule)
