"""Reading the documents of a file one by one, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hfdl.data.corpus.documents import EVERY_ROW
from hfdl.data.readers.delimited import stream_csv, stream_tsv
from hfdl.data.readers.encodings import UTF8_BOM, marked_encoding
from hfdl.data.readers.json_files import read_object, refuse_surrogates
from hfdl.data.readers.parquet_files import import_arrow, unreadable
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.text_decoding import decode, decode_part, text_lines
from hfdl.data.table import Table, cell_text, is_blank, no_text

BLOCK = 1 << 20  # bytes of lines, or of a parquet column, that are read at once
_ROWS = 64  # of a parquet file that become Python strings at once


class Document(NamedTuple):
    """A text, and the line of its file, or in a parquet file the row, on which it begins."""

    place: int
    text: str


def read_documents(
    path: Path, column: str, separator: str | None, reading: Reading = PLAIN
) -> Iterator[Document]:
    """The documents of a file, blank ones too; a missing one is empty.

    txt, jsonl, csv and tsv files are read in blocks of lines, parquet files in batches of rows. So
    memory holds some of them at once, and always one whole document: with ``separator=None`` that
    is a whole txt file, and a separator that does not occur makes it one too.

    Args:
        path: the file; its extension is one of ``STREAMED``.
        column: of the text, in all but txt files.
        separator: the text between documents of a txt file; None: it is one document.
        reading: the encoding, and how csv and tsv files are read.

    Raises:
        DataError: content that cannot be read, with its line; no such column; a row with a list in
            the place of its text.
    """
    suffix = path.suffix.lower()
    if suffix == ".txt":
        yield from _txt(path, separator, reading)
    elif suffix in (".jsonl", ".ndjson"):
        yield from _jsonl(path, column, reading)
    elif suffix == ".csv":
        lines = (f"{line}{end}" for _, line, end in _lines(path, reading))
        yield from map(Document._make, stream_csv(lines, str(path), column, reading))
    elif suffix == ".tsv":
        lines = (line for _, line, _ in _lines(path, reading))
        yield from map(Document._make, stream_tsv(lines, str(path), column, reading))
    else:
        yield from _parquet(path, column)


STREAMED: tuple[str, ...] = (".txt", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
"""Extensions of the files that can be read piece by piece."""


def _txt(path: Path, separator: str | None, reading: Reading) -> Iterator[Document]:
    if separator == "\n":
        yield from (Document(number, line) for number, line, _ in _lines(path, reading))
        return
    held: list[str] = []
    size, rest, place = 0, "", 1
    for _, line, _ in _lines(path, reading):
        held.append(line)
        size += len(line) + 1
        # The end of a long document is searched again only once as much again has been read.
        if separator is not None and size >= max(BLOCK, len(rest)):
            *whole, rest = _split("\n".join(held), separator)
            for text in whole:
                yield _stripped(place, text)
                place += text.count("\n") + separator.count("\n")
            held, size = [rest], 0  # the next join puts its line end back
    text = "\n".join(held)
    if separator is None:
        yield Document(_stripped(place, text).place, text)
        return
    for part in _split(text, separator):
        yield _stripped(place, part)
        place += part.count("\n") + separator.count("\n")


def _split(text: str, separator: str) -> list[str]:
    return text.split(separator)


def _stripped(place: int, text: str) -> Document:
    """A text without the line ends around it, and the line on which it then begins."""
    return Document(place + len(text) - len(text.lstrip("\n")), text.strip("\n"))


def _jsonl(path: Path, column: str, reading: Reading) -> Iterator[Document]:
    exists = False
    for number, line, _ in _lines(path, reading):
        if line.strip():
            row = read_object(line, str(path), number)
            exists = exists or column in row
            if exists:  # an absent key is null, unless no row so far has it
                row.setdefault(column, None)
            table = Table(str(path), {name: [value] for name, value in row.items()}, [number])
            refuse_surrogates(line, table)
            yield Document(number, _text(table, column, 0))


def _lines(path: Path, reading: Reading) -> Iterator[tuple[int, str, str]]:
    """Numbers, texts and ends (LF, CRLF or none; CR in a file without any LF) of lines."""
    for number, body, end in _lines_to_lf(path, reading):
        if number == 1 and not end.endswith("\n") and "\r" in body:  # it is the whole file
            numbered = enumerate(text_lines(body + end), start=1)
            yield from ((place, line, "\n") for place, line in numbered)
        else:
            yield number, body, end


def _lines_to_lf(path: Path, reading: Reading) -> Iterator[tuple[int, str, str]]:
    with path.open("rb") as file:
        beginning = file.read(4)
        encoding = reading.encoding or marked_encoding(beginning)
        if encoding is not None:
            yield from _decoded_lines(path, encoding)
            return
        offset = 3 if beginning.startswith(UTF8_BOM) else 0
        file.seek(offset)
        number, beyond_ascii = 1, False
        while block := file.readlines(BLOCK):
            for line in block:
                text = decode_part(
                    line,
                    lambda _, at=number: f"{path}, line {at}",
                    offset=offset,
                    beyond_ascii=beyond_ascii,
                )
                beyond_ascii = beyond_ascii or not text.isascii()
                body = text.removesuffix("\n").removesuffix("\r")
                yield number, body, text[len(body) :]
                number, offset = number + 1, offset + len(line)


def _decoded_lines(path: Path, encoding: str) -> Iterator[tuple[int, str, str]]:
    """As ``_lines``, in another encoding than UTF-8."""
    number = 1
    try:
        with path.open(encoding=encoding, newline="\n") as file:
            for line in file:
                text = line.removeprefix("\ufeff") if number == 1 else line
                body = text.removesuffix("\n").removesuffix("\r")
                yield number, body, text[len(body) :]
                number += 1
    except UnicodeError:
        decode(path.read_bytes(), str(path), encoding)  # its error names byte and line
        raise


def _parquet(path: Path, column: str) -> Iterator[Document]:
    pa, pq = import_arrow()
    try:
        # Without a buffer size a column of a whole row group is held at once.
        with pq.ParquetFile(path, buffer_size=BLOCK, pre_buffer=False) as content:
            names = content.schema_arrow.names
            Table(str(path), dict.fromkeys(names, ())).column(column, "data.text")
            row = 0
            for batch in content.iter_batches(_ROWS, columns=[column], use_threads=False):
                table = Table(str(path), batch.to_pydict())
                for i in range(len(table)):
                    yield Document(row + i + 1, _text(table, column, i, row))
                row += len(table)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(error, str(path)) from None


def _text(table: Table, column: str, row: int, before: int = 0) -> str:
    cell = table.column(column, "data.text")[row]
    text = cell_text(cell)
    if text is None and is_blank(cell):
        return ""
    if text is None:
        where = table.where(row) if table.lines else f"{table.source}, row {before + row + 1}"
        raise no_text(cell, column, where, EVERY_ROW)
    return text
