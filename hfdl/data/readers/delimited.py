"""Reading csv and tsv. Every value stays the string that the file holds.

No type is guessed: ``NA`` and ``null`` stay texts, ``01`` is not 1, ``True`` is not a bool, and
an empty field is the empty string. (A reader that guesses turns the label column of one file
into integers and of the next into floats.)
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from hfdl.data.readers.csv_header import (
    LOOKED_AT,
    NAMES,
    Header,
    Separator,
    header_of,
    with_outer_columns,
)
from hfdl.data.readers.csv_notes import breaks_note, unnamed_note
from hfdl.data.readers.csv_quotes import kept_quotes_note
from hfdl.data.readers.csv_rows import (
    CsvRow,
    Style,
    any_field_size,
    csv_rows,
    quotes_in_words,
    style_of,
)
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table, refuse_empty
from hfdl.errors import DataError, listed

_TITLE = "remove line 1 if it is a title, so that the names are the first line"
_AT_ONCE, _ROWS_AT_ONCE = 1 << 16, 1 << 10  # characters and rows that are read under the lock


def read_csv(text: str, source: str, reading: Reading = PLAIN) -> Table:
    """Comma-separated values with a header, as in RFC 4180.

    A field in double quotes may hold commas, line breaks and doubled quotes. Blank lines are
    skipped. ``Table.lines`` is the line on which a row begins. Another separator is taken from
    ``data.csv.separator``, or from a header that shows it beyond doubt; columns without a name
    are dropped unless the recipe asks for them; cells with line breaks are counted in a note.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a quote that does
            not close, a column name twice.
    """
    lines = io.StringIO(text, newline="")
    style = style_of(list(islice(lines, LOOKED_AT)), ",", reading, source)
    return _quoted(text, source, reading, style)


def read_tsv(text: str, source: str, reading: Reading = PLAIN) -> Table:
    """Tab-separated values with a header, **without quoting**: a double quote is only a character,
    unless the header has all of its names in quotes, as R writes it.

    That is how the tsv files of GLUE and SST-2 are written, where a text may begin with a quote
    that never closes. A text with a tab or a line break in it needs csv. Blank lines are skipped.
    With another separator the file is read as csv.

    Raises:
        DataError: no header or no rows, a row with too few or too many fields, a column name
            twice.
    """
    lines = text_lines(text)
    style = style_of(lines[:LOOKED_AT], "\t", reading, source)
    if style.quotes.mark is not None:
        return _quoted(text, source, reading, style)
    header, rows = _tsv(lines[style.separator.skipped :], source, reading, style.separator)
    return _table(header, rows, source, style)


def _quoted(text: str, source: str, reading: Reading, style: Style) -> Table:
    with any_field_size():
        header, rows = _csv(io.StringIO(text, newline=""), source, reading, style)
        return _table(header, rows, source, style)


def stream_csv(
    lines: Iterable[str], source: str, column: str, reading: Reading = PLAIN
) -> Iterator[tuple[int, str]]:
    """A column of a csv file row by row: what ``read_csv`` reads, without its size in memory.

    Args:
        lines: of the file, with their ends.
        source: the file, for messages.
        column: its name.
        reading: the options.

    Returns:
        for each row the line on which it begins, and its field.

    Raises:
        DataError: as ``read_csv``, where the row is reached; no such column, at once.
    """
    head, lines = _peeked(_any_ends(lines))
    return _stream(lines, source, column, reading, style_of(head, ",", reading, source))


def _stream(
    lines: Iterable[str], source: str, column: str, reading: Reading, style: Style
) -> Iterator[tuple[int, str]]:
    with any_field_size():
        header, rows = _csv(lines, source, reading, style)
    return _fields(_lifted(rows), header, source, column)


def stream_tsv(
    lines: Iterable[str], source: str, column: str, reading: Reading = PLAIN
) -> Iterator[tuple[int, str]]:
    """A column of a tsv file row by row: what ``read_tsv`` reads. As ``stream_csv``, but for
    ``lines``, which have no ends.
    """
    head, lines = _peeked(lines)
    style = style_of(head, "\t", reading, source)
    if style.quotes.mark is not None:
        return _stream((f"{line}\n" for line in lines), source, column, reading, style)
    skipped = style.separator.skipped
    header, rows = _tsv(islice(lines, skipped, None), source, reading, style.separator)
    return _fields(rows, header, source, column)


def _peeked(lines: Iterable[str]) -> tuple[list[str], Iterator[str]]:
    rest = iter(lines)
    head = list(islice(rest, LOOKED_AT))
    return head, chain(head, rest)


def _fields(
    rows: Iterator[CsvRow], header: Header, source: str, column: str
) -> Iterator[tuple[int, str]]:
    Table(source, dict.fromkeys(header.names, ())).column(column, "data.text")  # or it is refused
    at = header.names.index(column)
    return ((number, fields[at]) for number, fields in rows)


def _lifted(rows: Iterator[CsvRow]) -> Iterator[CsvRow]:
    """The rows, read in batches under the lock that lifts the limit.

    A generator that held the lock from its first row to its last would stop every other reader.
    """
    while True:
        batch: list[CsvRow] = []
        size = 0
        with any_field_size():
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


def _csv(
    lines: Iterable[str], source: str, reading: Reading, style: Style
) -> tuple[Header, Iterator[CsvRow]]:
    mark = NAMES.get(style.separator.mark, repr(style.separator.mark))
    remedy = f"put a text that holds a {mark} in {quotes_in_words(style)}s"
    rows = csv_rows(islice(lines, style.separator.skipped, None), source, style)
    return _checked(rows, source, mark, remedy, reading)


def _tsv(
    lines: Iterable[str], source: str, reading: Reading, separator: Separator
) -> tuple[Header, Iterator[CsvRow]]:
    numbered = enumerate(lines, start=1 + separator.skipped)
    rows = ((number, line.split("\t")) for number, line in numbered if line)
    remedy = "tsv has no quoting: write a text that holds a tab or a line break as csv"
    return _checked(rows, source, "tab", remedy, reading)


def _checked(
    rows: Iterator[CsvRow], source: str, separator: str, remedy: str, reading: Reading
) -> tuple[Header, Iterator[CsvRow]]:
    """The names of the columns, and the rows, each refused unless it has as many fields; what
    stands behind the last column of the header must be blank.
    """
    line, first = next(rows, (1, []))
    width = len(first)
    second = next(rows, None)
    if second:
        first = with_outer_columns(first, second[1])
        rows = chain([second], rows)
    header = header_of(first, f"{source}, line {line}", reading)
    names = header.names
    rows = rows if reading.header is True else chain([(line, first)], rows)

    def checked() -> Iterator[CsvRow]:
        for place, (number, fields) in enumerate(rows):
            if len(fields) != len(names) or any(field.strip() for field in fields[width:]):
                few = "few" if len(fields) < len(names) else "many"
                raise DataError(
                    f"too {few} fields: expected {len(names[:width])} "
                    f"({listed(names[:width])}), found {len(fields)}",
                    where=f"{source}, line {number}",
                    rule=f"fields are separated by one {separator}",
                    remedy=_TITLE if place == 0 and width == 1 else remedy,
                )
            if not header.leaves_out(number, fields, is_first=place == 0):
                yield number, fields

    return header, checked()


def _table(header: Header, rows: Iterator[CsvRow], source: str, style: Style) -> Table:
    columns: list[list[str]] = [[] for _ in header.names]
    lines: list[int] = []
    for number, fields in rows:
        lines.append(number)
        for column, field in zip(columns, fields, strict=True):
            column.append(field)
    named = dict(zip(header.names, columns, strict=True))
    unnamed = {header.names[i]: columns[i] for i in header.unnamed}
    notes = [
        style.separator.note,
        style.quotes.note,
        *header.notes(),
        None if style.quotes.mark else kept_quotes_note(named, lines),
        unnamed_note(unnamed, lines),
        breaks_note(named, lines, style.separator),
    ]
    return refuse_empty(
        Table(
            source,
            {name: column for name, column in named.items() if name not in unnamed},
            lines=lines,
            notes=tuple(note for note in notes if note),
            advice=header.advice,
        )
    )
