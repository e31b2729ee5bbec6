"""The texts that ``hfdl embed`` reads, and the files of vectors that it writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from hfdl.errors import DataError, OutputError

from ..printing.output_file import written_aside
from ..printing.text import print_text, shorten
from .answers import open_answers
from .texts import Input, file_texts, stdin_texts

if TYPE_CHECKING:
    import numpy as np

    Write = Callable[[Sequence[str], np.ndarray], None]

CHUNK = 2048
"""Texts that are read at once: enough to sort by length."""
SUFFIXES = (".npy", ".jsonl", ".csv", ".parquet")
_SHOWN = 3


def plain_texts(
    run_or_model: str,
    texts: list[str] | None,
    file: str | None,
    column: str | None,
    encoding: str | None = None,
) -> Iterator[list[str]]:
    """The texts of the command line, of a file or of a pipe, some at a time.

    Words are joined by blanks; of a pair the first text is read.

    Raises:
        DataError: the file cannot be read, or has no such column.
    """
    if texts and file:
        raise typer.BadParameter("give TEXT or --file, not both")
    if column and (file is None or file == "-"):
        raise typer.BadParameter("--column is the column of a --file")
    if texts:
        return _chunks(texts)
    if file is not None and file != "-":
        inputs = file_texts(Path(file), column, run_or_model, encoding)
        return _chunks([_plain(text) for text in inputs])
    if file is None and sys.stdin.isatty():
        raise typer.BadParameter("give a TEXT or --file, or pipe texts in")
    return stdin_texts(cast(BufferedReader, sys.stdin.buffer))


def _plain(text: Input) -> str:
    if isinstance(text, dict):
        return text["text"]
    return text if isinstance(text, str) else " ".join(text)


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    return (list(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK))


@contextmanager
def open_vectors(output: Path | None, *, readable: bool, dimension: int) -> Iterator[Write]:
    """A function that writes texts and their vectors (N, E).

    Args:
        output: a file of one of ``SUFFIXES``, or a device; it appears when it is complete. None:
            stdout, a JSON line a text.
        readable: on stdout a line for a person instead.
        dimension: E, for a file of no texts.

    Raises:
        OutputError: the file cannot be written.
    """
    suffix = "" if output is None else output.suffix.lower()
    if output is None or suffix not in _TABLES:
        with open_answers(output, readable=False) as write:
            yield (
                print_vectors
                if readable
                else (
                    lambda texts, vectors: write(
                        zip(texts, map(_json_fields, vectors), strict=True)
                    )
                )
            )
        return
    import numpy as np

    if suffix == ".parquet":
        _arrow()  # an error now, not when all vectors are there
    texts: list[str] = []
    held = [np.zeros((0, dimension), np.float32)]

    def keep(some: Sequence[str], vectors: np.ndarray) -> None:
        texts.extend(some)
        held.append(vectors)

    yield keep
    try:
        with written_aside(output) as target, target.open("wb") as stream:
            _TABLES[suffix](stream, texts, np.concatenate(held))
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", where=str(output), remedy="name another file"
        ) from None


def print_vectors(texts: Sequence[str], vectors: np.ndarray) -> None:
    """Print a line a text: the first numbers of its vector, and the start of the text."""
    for text, vector in zip(texts, vectors, strict=True):
        first = ", ".join(f"{number:.4f}" for number in vector[:_SHOWN])
        print_text(f"[{first}, ...] ({len(vector)} numbers)  {_shown(text)}")


def print_nearest(answers: Sequence[tuple[str, float, str]]) -> None:
    """Print each query, and below it the score and the start of each of its texts."""
    last = None
    for query, score, text in answers:
        if query != last:
            print_text(_shown(query))
            last = query
        print_text(f"  {score:.4f}  {_shown(text)}")


def _shown(text: str) -> str:
    from hfdl.runs.texts import clean

    return clean(shorten(text)) or "(empty text)"


def _json_fields(vector: np.ndarray) -> dict[str, Any]:
    return {"embedding": _numbers(vector)}


def _numbers(vector: np.ndarray) -> list[float]:
    """Numbers whose shortest text is that of the float32: 0.1 and not 0.10000000149011612."""
    return [float(str(number)) for number in vector]


def _write_npy(stream: Any, texts: list[str], vectors: np.ndarray) -> None:
    import numpy as np

    del texts
    np.save(stream, vectors, allow_pickle=False)


def _write_csv(stream: Any, texts: list[str], vectors: np.ndarray) -> None:
    import csv
    from io import TextIOWrapper

    lines = TextIOWrapper(stream, encoding="utf-8", newline="", errors="surrogateescape")
    rows = csv.writer(lines)
    rows.writerow(["text", *range(vectors.shape[1])])
    for text, vector in zip(texts, vectors, strict=True):
        rows.writerow([text, *map(str, vector)])
    lines.flush()
    lines.detach()


def _arrow() -> tuple[Any, Any]:
    from hfdl.data.readers.parquet_files import import_arrow

    return import_arrow()


def _write_parquet(stream: Any, texts: list[str], vectors: np.ndarray) -> None:
    pa, pq = _arrow()
    flat = pa.array(vectors.ravel(), pa.float32())
    embeddings = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    try:
        column = pa.array(texts, pa.string())
    except UnicodeEncodeError as error:
        raise DataError(
            f"a text has a lone surrogate, {error.object[error.start]!r}",
            where=f"text {texts.index(error.object) + 1}",
            rule="parquet holds UTF-8",
            remedy="write an npy or jsonl file",
        ) from None
    pq.write_table(pa.table({"text": column, "embedding": embeddings}), stream)


_TABLES = {".npy": _write_npy, ".csv": _write_csv, ".parquet": _write_parquet}
