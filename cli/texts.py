"""Where ``hfdl predict`` gets its texts: a file of any format hfdl reads, or a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hfdl.errors import DataError

if TYPE_CHECKING:
    from hfdl.data.table import Table

_READ_BYTES = 1 << 16


def file_texts(file: Path, column: str | None, run_or_model: str) -> list[str]:
    """The texts of a file, one a row.

    Args:
        file: txt, csv, tsv, json, jsonl or parquet.
        column: where the texts are; default: the column that the run was trained on, else
            ``text``, else the only one.
        run_or_model: the run whose column is the default.

    Raises:
        DataError: no such file, not readable, no such column, or a row without a text.
    """
    from hfdl.data.sources import read_source

    if not file.expanduser().is_file():
        raise DataError("no such file", where=str(file), remedy="check the path given to --file")
    table = read_source(str(file))["train"]
    name = column or _default_column(table, run_or_model)
    values = table.column(name, "--column")
    return [_text(value, table, row, name) for row, value in enumerate(values)]


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


def _default_column(table: Table, run_or_model: str) -> str:
    names = [*_run_column(run_or_model), "text"]
    if len(table.columns) == 1:
        names += table.columns
    return next((name for name in names if name in table.columns), names[0])


def _run_column(run_or_model: str) -> list[str]:
    from hfdl.config.load import load_recipe

    recipe = Path(run_or_model) / "recipe.yaml"
    return [load_recipe(recipe).data.text] if recipe.is_file() else []


def _text(value: Any, table: Table, row: int, column: str) -> str:
    if value is None or cast(Any, value) != value:
        raise DataError(
            f"no text in column {column!r}",
            where=table.where(row),
            rule="every row needs a text",
            remedy="fill the row in or remove it",
        )
    return value if isinstance(value, str) else str(value)


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
