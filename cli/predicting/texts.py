"""The texts that ``hfdl predict`` reads: from a file of any format hfdl knows, or a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hfdl.errors import DataError, listed

if TYPE_CHECKING:
    from hfdl.config.schema import DataConfig
    from hfdl.data.table import Table

Input = str | dict[str, str] | list[str]
"""A text; for a model of pairs both of its texts by name; for a tagger also a list of words."""

_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class FileRows:
    """The rows of a file, and what of each the model reads.

    Args:
        table: the rows.
        inputs: what the model reads of each; None where a text is missing or blank, of a pair
            where both are.
        column: where the texts are.
    """

    table: Table
    inputs: list[Input | None]
    column: str

    def empty_rows(self) -> str | None:
        """How many rows have no text, and where the first is; None where all have one."""
        rows = [row for row, given in enumerate(self.inputs) if given is None]
        return _said("row", len(rows), self.table.where(rows[0])) if rows else None


class PipedLines:
    """The lines of a pipe, each a text, as they come; a blank one is no text, as in a file.

    Args:
        stream: stdin.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self._stream, self._read, self._blank, self._first = stream, 0, 0, 0

    def __iter__(self) -> Iterator[list[Input | None]]:
        from hfdl.data.table import is_blank

        for lines in stdin_texts(self._stream):
            blank = [number for number, line in enumerate(lines, 1) if is_blank(line)]
            if blank and not self._blank:
                self._first = self._read + blank[0]
            self._blank += len(blank)
            self._read += len(lines)
            yield [None if is_blank(line) else line for line in lines]

    def empty_rows(self) -> str | None:
        """How many lines were blank, and which was the first; None where none was."""
        return _said("line", self._blank, f"stdin, line {self._first}") if self._blank else None


def _said(what: str, count: int, first: str) -> str:
    have = f"1 {what} has" if count == 1 else f"{count:,} {what}s have"
    their = "its answer is" if count == 1 else "their answers are"
    return f"{have} no text (first: {first}); {their} empty"


def file_rows(
    file: Path, column: str | None, run_or_model: str, encoding: str | None = None
) -> FileRows:
    """The rows of a file; pairs of texts if the run was trained on pairs.

    A column of words, such as that of a CoNLL file, is read as words.

    Args:
        file: txt, csv, tsv, json, jsonl, parquet or conll.
        column: where the texts are; default: the column that the run was trained on, else
            ``text``, else the words of a CoNLL file, else the only one.
        run_or_model: the run whose columns are the default.
        encoding: of a text file. Default: ``data.encoding`` of the run.

    Raises:
        DataError: no such file, not readable, no such column, or no text in any row.
    """
    from hfdl.data.layouts.examples import as_examples
    from hfdl.data.readers.readers import refuse_missing
    from hfdl.data.readers.reading import Reading
    from hfdl.data.readers.sources import read_source

    from ..printing.text import print_note

    refuse_missing(file.expanduser(), str(file))
    if not file.expanduser().is_file():
        raise DataError("it is a folder", where=str(file), remedy="name a file in it")
    own = _run_columns(run_or_model)
    reading = Reading.of(own.data, words=own.tokens is not None)
    with _encoding_as_option():
        reading = replace(reading, encoding=encoding or reading.encoding)
        table = read_source(str(file), reading=reading)["train"]
    rows = "texts" if own.tokens is None else "entities"
    table = as_examples(table, own.data, rows, labelled=False)
    for note in table.notes:
        print_note(f"{file}: {note}")
    name = column or _default_column(table, own)
    values = table.column(name, "--column")
    inputs: list[Any]
    if name == own.tokens or any(isinstance(value, list) for value in values):
        inputs = _words(table, name)
    elif own.pair is None:
        inputs = _texts(table, name)
    else:
        inputs = _pairs(table, name, own.pair)
    if all(given is None for given in inputs):
        raise DataError(
            f"no row has a text in column {name!r}", where=table.source,
            rule=f"the columns are: {listed(table.columns)}", remedy="name another: --column NAME",
        )  # fmt: skip
    return FileRows(table, inputs, name)


def file_texts(
    file: Path, column: str | None, run_or_model: str, encoding: str | None = None
) -> list[Input]:
    """The texts of a file, a blank one too, for a command that needs one from every row.

    Raises:
        DataError: as ``file_rows``; or a row without a text.
    """
    from hfdl.data.table import cell_text, no_text

    rows = file_rows(file, column, run_or_model, encoding)
    texts: list[Input] = []
    for row, given in enumerate(rows.inputs):
        cell = rows.table.columns[rows.column][row]
        text = cell_text(cell) if given is None else given
        if text is None:
            where = rows.table.where(row)
            raise no_text(cell, rows.column, where, "every row needs a text")
        texts.append(text)
    return texts


def _texts(table: Table, name: str) -> list[Any]:
    """The texts of a column, numbers too; None for one that is missing or blank."""
    from hfdl.data.table import cell_text, is_blank, no_text

    texts: list[Any] = []
    for row, cell in enumerate(table.column(name, "--column")):
        texts.append(None if is_blank(cell) else cell_text(cell))
        if texts[-1] is None and not is_blank(cell):
            raise no_text(cell, name, table.where(row), "a row has a text, or none")
    return texts


def _pairs(table: Table, name: str, pair: str) -> list[Any]:
    """Both texts of each row; a missing one is empty where the other is there, else None."""
    from hfdl.data.layouts.textless import half_pairs

    from ..printing.text import print_note

    both = list(zip(_texts(table, name), _texts(table, pair), strict=True))
    half = [row for row, texts in enumerate(both) if texts.count(None) == 1]
    if half:
        print_note(f"{table.source}: {half_pairs(len(half), table.place(half[0]))}")
    return [
        {"text": a or "", "text_pair": b or ""} if a or b else None  # as training reads them
        for a, b in both
    ]


@contextmanager
def _encoding_as_option() -> Iterator[None]:
    """While active, errors name the option of the encoding, for no key can be given here."""
    try:
        yield
    except DataError as error:
        if "data.encoding" not in f"{error.rule}{error.remedy}":
            raise
        rule = (error.rule or "").replace("data.encoding", "--encoding")
        remedy = (error.remedy or "").replace("set data.encoding=", "give --encoding ")
        remedy = remedy.replace("leave data.encoding out", "give --encoding utf-8")
        raise DataError(error.problem, where=error.where, rule=rule, remedy=remedy) from None


def stdin_texts(stream: BufferedReader) -> Iterator[list[str]]:
    """The lines that have arrived since the last look, each a text; blocks until there are some.

    Lines that come while the model works pile up in the pipe and form the next batch, so a slow
    writer gets its answers at once and a fast one gets full batches.

    Raises:
        DataError: a line is not UTF-8.
    """
    number = 0
    rest = b""
    while chunk := stream.read1(_READ_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decode(line, number + i) for i, line in enumerate(lines, start=1)]
        number += len(lines)
    if rest:
        yield [_decode(rest, number + 1)]


def _words(table: Table, name: str) -> list[Any]:
    """The words of each row; None for a row without any."""
    from hfdl.config.schema import DataConfig
    from hfdl.data.entities.token_columns import words_of

    rows = [row for row, value in enumerate(table.columns[name]) if _has_words(value)]
    words = dict(zip(rows, words_of(table.select(rows), DataConfig(tokens=name)), strict=True))
    return [words.get(row) for row in range(len(table))]


def _has_words(value: Any) -> bool:
    from hfdl.data.table import is_blank

    return bool(value) if isinstance(value, list) else not is_blank(value)


class _Columns(NamedTuple):
    """What a run was trained on: its data section, words (of a tagger), a text, a second text."""

    data: DataConfig
    tokens: str | None = None
    text: str | None = None
    pair: str | None = None


def _default_column(table: Table, own: _Columns) -> str:
    names = [name for name in (own.tokens, own.text, "text") if name]
    if table.item_lines is not None:
        names.append("tokens")
    if len(table.columns) == 1:
        names += table.columns
    fallback = own.text or "text"
    return next((name for name in names if name in table.columns), fallback)


def _run_columns(run_or_model: str) -> _Columns:
    """The columns that a run was trained on; none of a model that is no run."""
    from hfdl.config.load import load_recipe
    from hfdl.config.schema import DataConfig
    from hfdl.tasks.registry import known_spec

    file = Path(run_or_model) / "recipe.yaml"
    if not file.is_file():
        return _Columns(DataConfig())
    recipe = load_recipe(file)
    data = recipe.data
    tags = known_spec(recipe.task).reads_words
    return _Columns(data, data.tokens if tags else None, data.text, data.text_pair)


def _decode(line: bytes, number: int) -> str:
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        from hfdl.data.readers.encodings import cut_character, likely_encoding

        if cut_character(line) is not None:
            raise DataError(
                "the text ends in the middle of a character",
                where=f"stdin, line {number}",
                rule="all before it is UTF-8, so the rest is probably missing",
                remedy="is what was piped in complete? head -n cuts at the end of a line",
            ) from None
        raise DataError(
            f"byte {line[error.start]:#04x} is not UTF-8",
            where=f"stdin, line {number}",
            remedy=f"convert them first: iconv -f {likely_encoding(line)} -t utf-8",
        ) from None
    return text.removeprefix("\ufeff") if number == 1 else text
