"""csv and tsv. Every value stays the string that the file holds.

No type is guessed: ``NA`` and ``null`` stay texts, ``01`` is not 1, ``True`` is not a bool, and
an empty field is the empty string. (A reader that guesses turns the label column of one file
into integers and of the next into floats.)
"""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hfdl.data.columns import refuse_duplicate_columns, refuse_empty
from hfdl.data.decode import text_lines
from hfdl.data.table import Table
from hfdl.errors import DataError

_Row = tuple[int, list[str]]
_limit_lock = threading.Lock()


def read_csv(text: str, source: str) -> Table:
    """Comma-separated values with a header, as in RFC 4180.

    A field in double quotes may hold commas, line breaks and doubled quotes. Blank lines are
    skipped. ``Table.lines`` is the line on which a row begins.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a quote that does
            not close, a column name twice.
    """
    remedy = "put a text that holds a comma in double quotes"
    with _any_field_size():
        return _table(_csv_rows(text, source), source, "comma", remedy)


def read_tsv(text: str, source: str) -> Table:
    """Tab-separated values with a header, **without quoting**: a double quote is only a character.

    That is how the tsv files of GLUE and SST-2 are written, where a text may begin with a quote
    that never closes. A text with a tab or a line break in it needs csv. Blank lines are skipped.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a column name
            twice.
    """
    numbered = enumerate(text_lines(text), start=1)
    rows = ((number, line.split("\t")) for number, line in numbered if line)
    remedy = "tsv has no quoting: write a text that holds a tab or a line break as csv"
    return _table(rows, source, "tab", remedy)


def _table(rows: Iterator[_Row], source: str, separator: str, remedy: str) -> Table:
    line, header = next(rows, (1, []))
    _check_header(header, f"{source}, line {line}", separator)
    columns: list[list[str]] = [[] for _ in header]
    lines: list[int] = []
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


def _csv_rows(text: str, source: str) -> Iterator[_Row]:
    """Rows that are not blank, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
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
    """Lift the csv module's limit of 131,072 characters a field, which is global, for a while."""
    with _limit_lock:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a C long: 32 bits on Windows
        try:
            yield
        finally:
            csv.field_size_limit(before)
