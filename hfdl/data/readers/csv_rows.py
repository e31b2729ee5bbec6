"""The rows of a csv file, whatever separates and quotes its fields."""

from __future__ import annotations

import csv
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from hfdl.data.readers.csv_header import Separator, separator_of
from hfdl.data.readers.csv_quotes import Quotes, quotes_of
from hfdl.data.readers.reading import Reading
from hfdl.errors import DataError

CsvRow = tuple[int, list[str]]
"""The line on which a row begins, and its fields."""

_limit_lock = threading.Lock()


class Style(NamedTuple):
    """What separates the columns of a file, and what quotes their fields."""

    separator: Separator
    quotes: Quotes

    @property
    def options(self) -> dict[str, Any]:
        """For ``csv.reader``."""
        return {
            "delimiter": self.separator.mark,
            "quotechar": self.quotes.mark,
            "skipinitialspace": self.quotes.after_blank,
        }


def style_of(lines: list[str], suffix: str, reading: Reading, source: str) -> Style:
    """What the first lines of a file show.

    Args:
        lines: the first lines.
        suffix: the separator that the file's name stands for.
        reading: the options.
        source: the file, for messages.

    Raises:
        DataError: as ``separator_of``.
    """
    separator = separator_of(lines, suffix, reading, source)
    quotes = quotes_of(lines[separator.skipped :], separator.mark, suffix, reading)
    return Style(separator, quotes)


def csv_rows(lines: Iterable[str], source: str, style: Style) -> Iterator[CsvRow]:
    """Rows that are not blank, each with the line on which it begins."""
    reader = csv.reader(lines, strict=True, **style.options)
    while True:
        begins = reader.line_num + 1 + style.separator.skipped
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken(error, begins, source, quotes_in_words(style)) from None
        if fields:
            yield begins, fields


def _broken(error: csv.Error, line: int, source: str, quote: str) -> DataError:
    problem = str(error)
    if "unexpected end of data" in problem:
        problem = f"a {quote} opens here and does not close before the end of the file"
    elif "expected after" in problem:
        problem = f"text after the {quote} that closes a field"
    return DataError(
        problem,
        where=f"{source}, line {line}",
        rule=f"a field in {quote}s ends with one, and a quote inside it is doubled",
        remedy="fix the quotes of that row; a tsv file needs none",
    )


@contextmanager
def any_field_size() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters a field, which is global, in a block."""
    with _limit_lock:
        before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a C long: 32 bits on Windows
        try:
            yield
        finally:
            csv.field_size_limit(before)


def quotes_in_words(style: Style) -> str:
    """What messages call the quotes."""
    return "single quote" if style.quotes.mark == "'" else "double quote"
