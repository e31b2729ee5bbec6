"""Reading csv and tsv. Every value stays the string that the file holds.

No type is guessed: ``NA`` and ``null`` stay texts, ``01`` is not 1, ``True`` is not a bool, and
an empty field is the empty string. (A reader that guesses turns the label column of one file
into integers and of the next into floats.)
"""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table, refuse_duplicate_columns, refuse_empty
from hfdl.errors import DataError

_Row = tuple[int, list[str]]
_limit_lock = threading.Lock()
_AT_ONCE, _ROWS_AT_ONCE = 1 << 16, 1 << 10  # characters and rows that are read under the lock


def read_csv(text: str, source: str) -> Table:
    """Comma-separated values with a header, as in RFC 4180.

    A field in double quotes may hold commas, line breaks and doubled quotes. Blank lines are
    skipped. ``Table.lines`` is the line on which a row begins.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a quote that does
            not close, a column name twice.
    """
    with _any_field_size():
        return _table(*_csv(io.StringIO(text, newline=""), source), source)


def read_tsv(text: str, source: str) -> Table:
    """Tab-separated values with a header, **without quoting**: a double quote is only a character.

    That is how the tsv files of GLUE and SST-2 are written, where a text may begin with a quote
    that never closes. A text with a tab or a line break in it needs csv. Blank lines are skipped.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a column name
            twice.
    """
    return _table(*_tsv(text_lines(text), source), source)


def stream_csv(lines: Iterable[str], source: str, column: str) -> Iterator[tuple[int, str]]:
    """A column of a csv file row by row: what ``read_csv`` reads, without its size in memory.

    Args:
        lines: of the file, with their ends.
        source: the file, for messages.
        column: its name.

    Returns:
        for each row the line on which it begins, and its field.

    Raises:
        DataError: as ``read_csv``, where the row is reached; no such column, at once.
    """
    with _any_field_size():
        header, rows = _csv(_any_ends(lines), source)
    return _fields(_lifted(rows), header, source, column)


def stream_tsv(lines: Iterable[str], source: str, column: str) -> Iterator[tuple[int, str]]:
    """A column of a tsv file row by row: what ``read_tsv`` reads. As ``stream_csv``, but for
    ``lines``, which have no ends.
    """
    header, rows = _tsv(lines, source)
    return _fields(rows, header, source, column)


def _fields(
    rows: Iterator[_Row], header: Sequence[str], source: str, column: str
) -> Iterator[tuple[int, str]]:
    Table(source, dict.fromkeys(header, ())).column(column, "data.text")  # or it is refused
    at = header.index(column)
    return ((number, fields[at]) for number, fields in rows)


def _lifted(rows: Iterator[_Row]) -> Iterator[_Row]:
    """The rows, read in batches under the lock that lifts the limit.

    A generator that held the lock from its first row to its last would stop every other reader.
    """
    while True:
        batch: list[_Row] = []
        size = 0
        with _any_field_size():
            for row in rows:
                batch.append(row)
                size += sum(map(len, row[1]))
                if size >= _AT_ONCE or len(batch) >= _ROWS_AT_ONCE:
                    break
        if not batch:
            return
        yield from batch


def _any_ends(lines: Iterable[str]) -> Iterator[str]:
    """Lines cut at a lone CR too, as ``io.StringIO`` with ``newline=""`` cuts them."""
    for line in lines:
        if "\r" in line:
            yield from io.StringIO(line, newline="")
        else:
            yield line


def _csv(lines: Iterable[str], source: str) -> tuple[list[str], Iterator[_Row]]:
    remedy = "put a text that holds a comma in double quotes"
    return _checked(_csv_rows(lines, source), source, "comma", remedy)


def _tsv(lines: Iterable[str], source: str) -> tuple[list[str], Iterator[_Row]]:
    numbered = enumerate(lines, start=1)
    rows = ((number, line.split("\t")) for number, line in numbered if line)
    remedy = "tsv has no quoting: write a text that holds a tab or a line break as csv"
    return _checked(rows, source, "tab", remedy)


def _checked(
    rows: Iterator[_Row], source: str, separator: str, remedy: str
) -> tuple[list[str], Iterator[_Row]]:
    """The names of the columns, and the rows, each refused unless it has as many fields."""
    line, header = next(rows, (1, []))
    _check_header(header, f"{source}, line {line}", separator)

    def checked() -> Iterator[_Row]:
        for number, fields in rows:
            if len(fields) != len(header):
                few = "few" if len(fields) < len(header) else "many"
                raise DataError(
                    f"too {few} fields: expected {len(header)} ({', '.join(header)}), "
                    f"found {len(fields)}",
                    where=f"{source}, line {number}",
                    rule=f"fields are separated by one {separator}",
                    remedy=remedy,
                )
            yield number, fields

    return header, checked()


def _table(header: Sequence[str], rows: Iterator[_Row], source: str) -> Table:
    columns: list[list[str]] = [[] for _ in header]
    lines: list[int] = []
    for number, fields in rows:
        lines.append(number)
        for column, field in zip(columns, fields, strict=True):
            column.append(field)
    return refuse_empty(Table(source, dict(zip(header, columns, strict=True)), lines=lines))


def _check_header(header: Sequence[str], where: str, separator: str) -> None:
    if not header:
        raise DataError(
            "no header: every line is blank",
            where=where,
            rule="the first line names the columns",
            remedy="is this the right file?",
        )
    refuse_duplicate_columns(header, where)
    others = {"tab": "\t", "comma": ",", "semicolon": ";"}
    used = [name for name, mark in others.items() if mark in header[0] and name != separator]
    if len(header) == 1 and used:
        raise DataError(
            f"the header is one column, {header[0]!r}, and holds a {used[0]}",
            where=where,
            rule=f"columns are separated by one {separator}",
            remedy="csv separates by commas, tsv by tabs: rename or convert the file",
        )


def _csv_rows(lines: Iterable[str], source: str) -> Iterator[_Row]:
    """Rows that are not blank, each with the line on which it begins."""
    reader = csv.reader(lines, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(error, begins, source) from None
        if fields:
            yield begins, fields


def _broken(error: csv.Error, line: int, source: str) -> DataError:
    problem = str(error)
    if "unexpected end of data" in problem:
        problem = "a double quote opens here and does not close before the end of the file"
    elif "expected after" in problem:
        problem = "text after the double quote that closes a field"
    return DataError(
        problem,
        where=f"{source}, line {line}",
        rule="a field in double quotes ends with one, and a quote inside it is doubled",
        remedy="fix the quotes of that row; a tsv file needs none",
    )


@contextmanager
def _any_field_size() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a field, which is global, in a block."""
    with _limit_lock:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a C long: 32 bits on Windows
        try:
            yield
        finally:
            csv.field_size_limit(before)
