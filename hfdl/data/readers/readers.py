"""Reading a local file as a table, by its extension."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hfdl.data.readers.conll_files import CONLL_SUFFIXES, looks_like_conll, read_conll
from hfdl.data.readers.delimited import read_csv, read_tsv
from hfdl.data.readers.json_files import read_json, read_jsonl
from hfdl.data.readers.parquet_files import read_parquet
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.text_decoding import decode, encoding_note, text_lines
from hfdl.data.table import Table, refuse_empty
from hfdl.errors import DataError, did_you_mean, nearest

_TEXT_READERS: dict[str, Callable[[str, str, Reading], Table]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".json": read_json,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    **dict.fromkeys(CONLL_SUFFIXES, read_conll),
}

FORMATS: tuple[str, ...] = (*_TEXT_READERS, ".parquet", ".txt")
"""Extensions that can be read, in lower case."""

_NAMED_CONLL = "a file with a word and its tag a line is read as CoNLL if its name ends in .conll"
_NO_TEXT = {
    b"version https://git-lfs": (
        "a pointer of Git LFS, not the file itself",
        "fetch it, in the folder of the repository: git lfs pull",
    ),
    b"PK\x03\x04": ("a zip file or a workbook of Excel", "unpack it, or save its sheet as csv"),
    b"\x1f\x8b": ("a gzip file", "unpack it: gunzip FILE"),
}
"""What files are by their first bytes, whatever they are called, and what to do."""


def read_file(path: Path, *, source: str | None = None, reading: Reading = PLAIN) -> Table:
    """Read a csv, tsv, json, jsonl, CoNLL, parquet or txt file.

    Args:
        path: the file; its extension, in any case, decides the format.
        source: what messages call it. Default: the path.
        reading: the options.

    Raises:
        DataError: no such file, an unknown extension, an empty file, or broken content.
    """
    source = str(path) if source is None else source
    refuse_missing(path, source)
    refuse_unknown_format(path.name, source)
    return read_bytes(bytes_of(path, source), source, reading)


def bytes_of(path: Path, source: str) -> bytes:
    """The content of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=source) from None


def read_bytes(data: bytes, source: str, reading: Reading = PLAIN) -> Table:
    """Read the content of a file whose name, ``source``, ends in one of ``FORMATS``.

    Where the task reads words, a txt or tsv file that is certainly a CoNLL file is read as one.

    Raises:
        DataError: empty or broken content.
    """
    refuse_unknown_format(source, source)
    if not data:
        raise DataError("the file is empty", where=source, remedy="is this the right file?")
    for beginning, (problem, remedy) in _NO_TEXT.items():
        if data.startswith(beginning):
            raise DataError(problem, where=source, remedy=remedy)
    suffix = Path(source).suffix.lower()
    if suffix == ".parquet":
        return read_parquet(data, source)
    content = decode(data, source, reading.encoding)
    if suffix in (".txt", ".tsv") and reading.words and looks_like_conll(content):
        table = read_conll(content, source, reading)
    elif suffix == ".txt":
        table = read_txt(content, source, column=reading.text)
        if reading.words:
            table = replace(table, advice=_NAMED_CONLL)
    else:
        table = _TEXT_READERS[suffix](content, source, reading)
    return table.noted(encoding_note(data, reading.encoding))


def read_txt(text: str, source: str, *, column: str = "text") -> Table:
    """One row per line, in one column. A blank line is a row with an empty text.

    Raises:
        DataError: no line at all.
    """
    lines = text_lines(text)
    numbers = list(range(1, len(lines) + 1))
    return refuse_empty(Table(source, {column: lines}, lines=numbers))


def refuse_missing(path: Path, source: str) -> None:
    """Refuse a path that does not exist.

    Raises:
        DataError: naming the nearest existing name in its folder.
    """
    if path.exists():
        return
    folder = path.parent
    if not folder.is_dir():
        raise DataError(
            "no such file or folder",
            where=source,
            rule=f"the folder {str(folder)!r} does not exist either",
            remedy=f"the path starts from {str(Path.cwd())!r}" if not path.is_absolute() else None,
        )
    close = nearest(path.name, (entry.name for entry in folder.iterdir()))
    raise DataError(
        "no such file or folder",
        where=source,
        remedy=f"did you mean {str(folder / close)!r}?"
        if close
        else f"no name in {str(folder.resolve())!r} is close to it",
    )


def refuse_unknown_format(name: str, source: str) -> None:
    """Refuse a file name whose extension is none of ``FORMATS``.

    Raises:
        DataError: listing the known extensions.
    """
    suffix = Path(name).suffix.lower()
    if suffix in FORMATS:
        return
    close = did_you_mean(suffix, FORMATS) if nearest(suffix, FORMATS) else None
    raise DataError(
        f"unknown file extension {suffix!r}" if suffix else "the file name has no extension",
        where=source,
        rule=f"the known ones are: {', '.join(FORMATS)}",
        remedy=close or "convert the file to one of these",
    )
