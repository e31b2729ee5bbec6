"""How the fields of csv and tsv files are quoted, told from the first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hfdl.data.readers.reading import Reading
from hfdl.data.table import counted

_DOUBLE = re.compile(r'"(?:[^"]|"")*"')
_SINGLE = re.compile(r"'(?:[^']|'')*'")


class Quotes(NamedTuple):
    """How fields are quoted.

    Args:
        mark: what a quoted field begins and ends with; None: a quote is a character like others.
        after_blank: whether a blank stands before each field but the first.
        note: what a person should know of it, if anything.
    """

    mark: str | None
    after_blank: bool = False
    note: str | None = None


def quotes_of(lines: Sequence[str], separator: str, suffix: str, reading: Reading) -> Quotes:
    """How the fields of a file are quoted.

    Of csv by double quotes, of tsv not at all, unless the first line has all of its fields, two or
    more, in quotes: R quotes tsv files so, and some programs write single quotes. With a blank
    after each separator of the first line, blanks before fields are no part of them.

    Args:
        lines: its first lines, those that only tell of separators left out.
        separator: what separates its columns.
        suffix: ``,`` of csv and a tab of tsv files: what their names stand for.
        reading: the options.
    """
    usual = None if suffix == separator == "\t" else '"'
    first = next((line.rstrip("\r\n") for line in lines if line.strip()), "")
    fields = first.split(separator)
    if len(fields) < 2:
        return Quotes(usual)
    blank = separator != "\t" and all(re.match(r" +[^ ]", field) for field in fields[1:])
    bare = [field.strip(" ") for field in fields] if blank else fields
    note = "the blank after each separator is left out, as its first line has it" if blank else None
    if usual is None and all(map(_DOUBLE.fullmatch, bare)) and _is_sure(lines, reading):
        return Quotes('"', False, "fields are in double quotes, as its first line shows")
    if all(map(_SINGLE.fullmatch, bare)):
        shown = "fields are in single quotes, as its first line shows"
        return Quotes("'", blank, f"{shown}; {note}" if note else shown)
    return Quotes(usual, blank, note)


def _is_sure(lines: Sequence[str], reading: Reading) -> bool:
    """Whether quotes around all fields of the first line quote: in a header they do, and in a row
    where those of the next rows are the same.
    """
    if reading.header is True:
        return True
    fields = [field for line in lines for field in line.rstrip("\r\n").split("\t")]
    return all('"' not in field or _DOUBLE.fullmatch(field) for field in fields)


def kept_quotes_note(columns: Mapping[str, Sequence[str]], lines: Sequence[int]) -> str | None:
    """The line about cells of a tsv file that look quoted, and keep their quotes.

    There is one where each cell with a quote is in quotes as csv has them, and these are all cells
    of a column, or have doubled quotes inside.

    Args:
        columns: of the file.
        lines: the line of each row.
    """
    for name, cells in columns.items():
        rows = [row for row, cell in enumerate(cells) if '"' in cell]
        if not rows or not all(_DOUBLE.fullmatch(cells[row]) for row in rows):
            continue
        if len(rows) == len(cells) > 1 or any('""' in cells[row][1:-1] for row in rows):
            return (
                f"{counted(len(rows), 'cell')} of column {name!r} {_are(len(rows))} in double "
                f"quotes and keep{'s' * (len(rows) == 1)} them (first: line {lines[rows[0]]}): tsv "
                "has no quoting; with quoting, name the file .csv"
            )
    return None


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
