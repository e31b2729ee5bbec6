"""The texts that ``hfdl predict`` reads: from a file of any format hfdl knows, or a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hfdl.errors import DataError

if TYPE_CHECKING:
    from hfdl.config.schema import DataConfig
    from hfdl.data.table import Table

Input = str | dict[str, str] | list[str]
"""A text; for a model of pairs both of its texts by name; for a tagger also a list of words."""

_READ_BYTES = 1 << 16


def file_texts(file: Path, column: str | None, run_or_model: str) -> list[Input]:
    """The texts of a file, one a row; pairs of texts if the run was trained on pairs.

    A column of words, such as that of a CoNLL file, is read as words.

    Args:
        file: txt, csv, tsv, json, jsonl, parquet or conll.
        column: where the texts are; default: the column that the run was trained on, else
            ``text``, else the words of a CoNLL file, else the only one.
        run_or_model: the run whose columns are the default.

    Raises:
        DataError: no such file, not readable, no such column, or a row without a text.
    """
    from hfdl.data.layouts.examples import as_examples
    from hfdl.data.readers.reading import Reading
    from hfdl.data.readers.sources import read_source
    from hfdl.tasks.tables import text_column

    from .output import print_note

    if not file.expanduser().is_file():
        raise DataError("no such file", where=str(file), remedy="check the path given to --file")
    own = _run_columns(run_or_model)
    reading = Reading.of(own.data, words=own.tokens is not None)
    table = read_source(str(file), reading=reading)["train"]
    rows = "texts" if own.tokens is None else "entities"
    table = as_examples(table, own.data, rows, labelled=False)
    for note in table.notes:
        print_note(f"{file}: {note}")
    name = column or _default_column(table, own)
    values = table.column(name, "--column")
    if name == own.tokens or any(isinstance(value, list) for value in values):
        return list(_words(table, name))
    texts = text_column(table, name, "--column")
    if own.pair is None:
        return list(texts)
    pairs = text_column(table, own.pair, "--column")
    return [{"text": a, "text_pair": b} for a, b in zip(texts, pairs, strict=True)]


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


def _words(table: Table, name: str) -> list[list[str]]:
    from hfdl.config.schema import DataConfig
    from hfdl.data.entities.token_columns import words_of

    return words_of(table, DataConfig(tokens=name))


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
        raise DataError(
            f"byte {line[error.start]:#04x} is not UTF-8",
            where=f"stdin, line {number}",
            remedy="convert the texts to UTF-8 first, for example with iconv",
        ) from None
    return text.removeprefix("\ufeff") if number == 1 else text
