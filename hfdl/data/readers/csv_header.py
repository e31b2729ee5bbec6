"""The first lines of csv and tsv files: what separates the columns, and what they are called."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from hfdl.config.overrides import as_override
from hfdl.data.readers.reading import Reading
from hfdl.data.table import counted, refuse_duplicate_columns
from hfdl.errors import DataError

LOOKED_AT = 40
"""Lines from which a separator is told."""

NAMES = {",": "comma", "\t": "tab", ";": "semicolon", "|": "vertical bar"}
"""Separators that are told from a header, and what messages call them."""

_SEP_LINE = re.compile(r"sep=(.)\s*")  # Excel writes and reads it
_UNNAMED = re.compile(r"Unnamed: [0-9]+(_level_[0-9]+)?")  # what pandas calls them

_TYPES = {
    "string", "str", "text", "varchar", "char", "object", "category", "categorical", "nominal",
    "int", "int8", "int16", "int32", "int64", "integer", "long", "float", "float32", "float64",
    "double", "number", "numeric", "decimal", "bool", "boolean", "date", "datetime", "timestamp",
    "time", "continuous", "discrete",
}  # fmt: skip


class Separator(NamedTuple):
    """What separates the columns of a file.

    Args:
        mark: the character.
        skipped: lines before the header that only tell of it.
        note: what a person should know of it, if anything.
    """

    mark: str
    skipped: int = 0
    note: str | None = None


def separator_of(lines: Sequence[str], default: str, reading: Reading, source: str) -> Separator:
    """The separator of a file.

    Args:
        lines: its first lines.
        default: what the extension stands for.
        reading: the options; ``data.csv.separator`` wins.
        source: the file, for messages.

    Raises:
        DataError: the header holds another separator than the default, and it is not certain
            that the columns are separated by that one.
    """
    marked = _SEP_LINE.fullmatch(lines[0]) if lines else None
    skipped = 1 if marked else 0
    if reading.separator:
        return Separator(reading.separator, skipped)
    if marked:
        return Separator(marked[1], 1, f"columns are separated by {marked[1]!r}, says line 1")
    counts = {mark: _widths(lines, mark) for mark in dict.fromkeys([default, *NAMES])}
    if not counts[default] or counts[default][0] > 1:
        return Separator(default)
    others = [mark for mark in NAMES if counts[mark] and counts[mark][0] > 1]
    if not others:
        return Separator(default)
    if len(others) == 1 and len(set(counts[others[0]])) == 1 and len(counts[others[0]]) > 1:
        shown = "its header shows" if reading.header is True else "its first lines show"
        note = f"columns are separated by {others[0]!r}, as {shown}"
        return Separator(others[0], 0, note)
    raise _other_separator(lines, default, others, source)


def _widths(lines: Sequence[str], mark: str) -> list[int]:
    """The number of fields of the first rows, blank ones left out."""
    rows = csv.reader((f"{line.rstrip(chr(13) + chr(10))}\n" for line in lines), delimiter=mark)
    try:
        widths = [len(row) for row in islice(rows, LOOKED_AT) if row]
    except csv.Error:
        return [len(line.split(mark)) for line in lines if line.strip()]
    return widths[:-1] if len(lines) == LOOKED_AT else widths  # the last may not be whole


def _other_separator(
    lines: Sequence[str], default: str, others: Sequence[str], source: str
) -> DataError:
    rows = ((n, text) for n, text in enumerate(lines, start=1) if text.strip("\r\n"))
    number, header = next(rows, (1, ""))
    return DataError(
        f"the header is one column, {header.strip()!r}, and holds a {NAMES[others[0]]}",
        where=f"{source}, line {number}",
        rule=f"columns are separated by one {NAMES.get(default, default)}, and the rows do not "
        "show another separator for certain",
        remedy=f"say what separates them: {_separated_by(others[0])}",
    )


def _separated_by(mark: str) -> str:
    return as_override("data.csv.separator", "\\t" if mark == "\t" else mark)


@dataclass(frozen=True)
class Header:
    """The names of the columns.

    Args:
        names: of all of them, blank ones as pandas names them (``Unnamed: 2``).
        unnamed: positions of those without a name that nobody asks for.
        fields: the header as a row would repeat it; None: columns go by number.
        repeats: takes the lines of rows that repeat it, as they are left out.
        advice: what else may be wrong where a column is missing.
        types: takes the line of a row of types below it, as it is left out.
    """

    names: list[str]
    unnamed: list[int]
    fields: list[str] | None = None
    advice: str | None = None
    repeats: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)

    def leaves_out(self, line: int, fields: Sequence[str], *, is_first: bool) -> bool:
        """Whether a row is no example: the header again, as where files were put one behind the
        other, or the types of the columns on the line below it. Its line is kept for the note.

        Args:
            line: of the row.
            fields: of the row.
            is_first: whether it stands below the header.
        """
        if self.fields is None:
            return False
        if _bare(fields) == _bare(self.fields):
            self.repeats.append(line)
            return True
        if is_first and len(fields) > 1 and all(name in _TYPES for name in _bare(fields)):
            self.types.append(line)
            return True
        return False

    def notes(self) -> list[str]:
        """Once all rows are read: what was left out."""
        notes: list[str] = []
        if self.repeats:
            rows = counted(len(self.repeats), "row")
            repeat = f"repeat{'s' * (len(self.repeats) == 1)}"
            notes.append(
                f"{rows} that {repeat} the header left out (first: line {self.repeats[0]})"
            )
        if self.types:
            notes.append(f"a row of types below the header left out (line {self.types[0]})")
        return notes


def _bare(fields: Sequence[str]) -> list[str]:
    """Names without what a second file may differ in: byte order mark, blanks, case."""
    return [name.removeprefix("\ufeff").strip().casefold() for name in fields]


def header_of(fields: Sequence[str], where: str, reading: Reading) -> Header:
    """The names of the columns.

    Args:
        fields: the fields of the first row.
        where: its place.
        reading: the options.

    Raises:
        DataError: no row, a name twice, or more or fewer names in ``data.csv.header`` than columns.
    """
    if not fields:
        raise DataError(
            "no header: every line is blank",
            where=where,
            rule="the first line names the columns",
            remedy="is this the right file?",
        )
    if reading.header is False:
        return Header([str(i) for i in range(1, len(fields) + 1)], [])
    if isinstance(reading.header, tuple):
        names = _given(reading.header, fields, where)
        return Header(names, [], fields=names)
    names = [name if name.strip() else f"Unnamed: {i}" for i, name in enumerate(fields)]
    refuse_duplicate_columns(names, where, remedy=_without_header(names))
    unnamed = [
        i for i, name in enumerate(names) if _UNNAMED.fullmatch(name) and name not in reading.asked
    ]
    unnamed = unnamed if len(unnamed) < len(names) else []
    return Header(names, unnamed, fields=list(fields), advice=_advice(names))


def with_outer_columns(first: list[str], second: Sequence[str]) -> list[str]:
    """The fields of the first row, with as many blank ones at its end as the second row has.

    Spreadsheets end the header, or every row but the header, in separators with nothing behind
    them: that is a column without a name. Any other first row stays.

    Args:
        first: the fields of the first row.
        second: those of the row after it, which decides; rows unlike it are refused.
    """
    outer = [*first[len(second) :], *second[len(first) :]]
    if not second or any(field.strip() for field in outer):
        return first
    return [*first[: len(second)], *[""] * (len(second) - len(first))]


def no_header_advice(names: Iterable[str]) -> str | None:
    """What to try where a header, read as one, looks like a row of data: it has numbers or whole
    sentences.
    """
    if any(name.strip().isdigit() or name.count(" ") >= 3 for name in names):
        return "if its first line is a row and no header: data.csv.header=false"
    return None


def _advice(names: Sequence[str]) -> str | None:
    unnamed = sum(map(bool, map(_UNNAMED.fullmatch, names)))
    if len(names) > 1 and unnamed == len(names) - 1:
        return "if line 1 is a title: remove it, so that the names are the first line"
    return no_header_advice(names)


def _without_header(names: Sequence[str]) -> str | None:
    advice = no_header_advice(names)
    return advice and f"rename or remove one of them; {advice}"


def _with_names(names: Sequence[str], count: int) -> str:
    numbers = [str(i) for i in range(len(names) + 1, count + 1)]
    return as_override("data.csv.header", [*names, *numbers][:count])


def _given(names: tuple[str, ...], fields: Sequence[str], where: str) -> list[str]:
    if len(names) != len(fields):
        raise DataError(
            f"{len(fields)} columns, and data.csv.header names {len(names)}",
            where=where,
            rule="the list names each column of a file without a header",
            remedy=f"give {len(fields)} names, for instance {_with_names(names, len(fields))}, "
            "or data.csv.header=false",
        )
    refuse_duplicate_columns(names, "data.csv.header")
    return list(names)
