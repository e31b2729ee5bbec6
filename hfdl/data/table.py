"""Tables in memory that keep the file and line of each row, for error messages.

Readers produce tables; tasks read columns from them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hfdl.config.overrides import as_override
from hfdl.errors import DataError, listed, nearest


@dataclass(frozen=True)
class Table:
    """Columns of equal length, and the origin of each row.

    Args:
        source: what the user gave: a path, a Hub id, ``hfdl://NAME``, or ``DataFrame in memory``.
        columns: values by column name, in file order. Text formats give strings; json, jsonl,
            parquet and Hub sets may give numbers and lists.
        lines: line of each row in ``source``, counted from 1; None for formats without lines.
        files: file of each row, where the source is a folder.
        label_names: names of integer labels by column, where the source declares them (Hub
            ``ClassLabel`` features).
        item_lines: line of each word of a row, where a row is a sentence (CoNLL files).
        notes: lines for a person: what was left out, or read in a way that is not plain.
        advice: what else may be wrong where a column is missing.
    """

    source: str
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int] | None = None
    files: Sequence[str] | None = None
    label_names: Mapping[str, Sequence[str]] | None = None
    item_lines: Sequence[Sequence[int]] | None = None
    notes: tuple[str, ...] = ()
    advice: str | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str, key: str) -> Sequence[Any]:
        """The values of a column.

        Args:
            name: the column's name.
            key: the recipe key that named it, for the message (``data.text``).

        Raises:
            DataError: no such column; the message names the nearest one.
        """
        if name not in self.columns:
            close = nearest(name, self.columns)
            right = f"did you mean {as_override(key, close)}?" if close else f"set {key}=COLUMN"
            raise DataError(
                f"no column {name!r} for {key}",
                where=self.source,
                rule=f"the columns are: {listed(self.columns, near=name)}",
                remedy=self.advised(right, key),
            )
        return self.columns[name]

    def texts(self, name: str, key: str, rule: str = "every row needs a text") -> list[str]:
        """The values of a column as texts, numbers too.

        Args:
            name: the column's name.
            key: the recipe key that named it, for the message.
            rule: what the message says of rows.

        Raises:
            DataError: no such column, or a row without a text.
        """
        texts: list[str] = []
        for row, cell in enumerate(self.column(name, key)):
            text = cell_text(cell)
            if text is None:
                raise no_text(cell, name, self.where(row), rule)
            texts.append(text)
        return texts

    def where(self, row: int) -> str:
        """The place of a row in words: ``reviews.csv, line 12``."""
        source = self.files[row] if self.files is not None else self.source
        if self.lines is not None:
            return f"{source}, line {self.lines[row]}"
        return source if self.files is not None else f"{source}, row {row + 1}"

    def advised(self, remedy: str, *keys: str) -> str:
        """A remedy for a column that is missing, and what else may be wrong.

        Args:
            remedy: of the column.
            keys: of the recipe that name it.
        """
        if self.advice is None:
            return remedy
        advice = self.advice
        if advice.endswith("=false"):  # without a header the columns have other names
            advice = " ".join([advice, *(f"{key}=COLUMN" for key in keys)])
        return f"{remedy}; {advice}"

    def noted(self, *notes: str | None) -> Table:
        """The same table with more notes; None is none."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))

    def place(self, row: int) -> str:
        """The place of a row beside the source's name: ``line 12``, ``row 3``."""
        if self.files is not None:
            return self.where(row)
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def with_columns(self, columns: Mapping[str, Sequence[Any]]) -> Table:
        """The same rows, with some columns replaced or added."""
        return replace(self, columns={**self.columns, **columns})

    def select(self, rows: Sequence[int]) -> Table:
        """The given rows in the given order, origins included."""
        return replace(
            self,
            columns={name: [values[r] for r in rows] for name, values in self.columns.items()},
            lines=None if self.lines is None else [self.lines[r] for r in rows],
            files=None if self.files is None else [self.files[r] for r in rows],
            item_lines=None if self.item_lines is None else [self.item_lines[r] for r in rows],
        )


# ---- Cells, columns of rows, and the checks that every format shares -----------------------------


def cell_text(value: Any) -> str | None:
    """A cell as a text: numbers, dates and bytes in UTF-8 too; None where it is none, as null, NaN,
    a list or any other object are.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes_text(value)
    written = isinstance(value, int | float | Decimal | date | time | timedelta | UUID)
    return str(value) if written and value == value else None  # NaN is not itself


def bytes_text(value: bytes | bytearray | memoryview) -> str | None:
    """Bytes as a text without byte order mark; None where they are not UTF-8, or hold a NUL."""
    try:
        text = bytes(value).decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def is_blank(cell: Any) -> bool:
    """Whether a cell is null, NaN, or a text that shows nothing: white space, control and
    zero-width characters (Unicode categories Cc and Cf) alone.
    """
    if not isinstance(cell, str):
        return cell is None or cell != cell
    return all(mark.isspace() or unicodedata.category(mark) in ("Cc", "Cf") for mark in cell)


def no_text(cell: Any, column: str, where: str, rule: str) -> DataError:
    """The error for a row without a text."""
    if isinstance(cell, bytes | bytearray | memoryview):
        return DataError(
            f"no text in column {column!r}, but bytes that are not UTF-8: {bytes(cell)[:20]!r}",
            where=where,
            rule="bytes are read as UTF-8",
            remedy="decode them before they are written, or name the column of the texts",
        )
    return DataError(
        f"no text in column {column!r}, but {cell!r}",
        where=where,
        rule=rule,
        remedy="fill it in or remove the row",
    )


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 row``, ``1,234 rows``; with a plural of its own ``2 copies``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def notes_of(tables: Mapping[str, Table]) -> list[str]:
    """The notes of splits, as ``train: 2 rows left out``; a line that splits share is said once."""
    by_note: dict[str, list[str]] = {}
    for split, table in tables.items():
        for note in table.notes:
            by_note.setdefault(note, []).append(split)
    return [f"{', '.join(splits)}: {note}" for note, splits in by_note.items()]


def refuse_duplicate_columns(
    names: Iterable[str], where: str, inside: str = "", remedy: str | None = None
) -> None:
    """Refuse a name that occurs twice, because one column would hide the other.

    Raises:
        DataError: naming the column, and what it is ``inside``.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(
                f"column {name!r} occurs twice{inside}",
                where=where,
                rule="each column has a name of its own",
                remedy=remedy or "rename or remove one of them",
            )
        seen.add(name)


def columns_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Columns of a list of objects, in order of first appearance; an absent key gives None."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return {str(name): [row.get(name) for row in rows] for name in names}


def refuse_empty(table: Table) -> Table:
    """The table itself, if it has a row.

    Raises:
        DataError: no rows, or columns of unequal length.
    """
    sizes = {name: len(values) for name, values in table.columns.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(
            f"columns of unequal length: {listed(f'{n} {s}' for n, s in sizes.items())}",
            where=table.source,
            rule="each column has one value a row",
        )
    if len(table) == 0:
        raise DataError(
            "no rows",
            where=table.source,
            rule=f"the columns are: {listed(sizes)}",
            remedy="is this the right file?",
        )
    return table
