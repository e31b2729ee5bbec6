"""Rows without a text: an empty cell, null, white space alone.

Such a row is left out of training and of evaluation, and ``hfdl predict`` gives it no answer: what
is measured are the rows that are answered. A pair of which one text is there is a row like others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.layouts.rows import Rows
from hfdl.data.table import Table, counted, is_blank
from hfdl.errors import DataError


def tables_with_texts(
    tables: Mapping[str, Table], config: DataConfig, rows: Rows = "labels"
) -> dict[str, Table]:
    """``with_texts`` of each split.

    Raises:
        DataError: as ``with_texts``; or there is no such column of a task that has no other names
            for it, which is said before anything is said of few rows or of their labels.
    """
    for table in tables.values():
        if rows not in ("texts", "entities") and table.item_lines is None:
            table.column(config.text, "data.text")
            if config.text_pair is not None and rows == "labels":
                table.column(config.text_pair, "data.text_pair")
    return {split: with_texts(table, config, rows) for split, table in tables.items()}


def with_texts(table: Table, config: DataConfig, rows: Rows = "labels") -> Table:
    """The rows that have a text, or words; the others are counted in a note.

    Of a pair the text that is missing becomes the empty text where the other is there, and that
    is noted too. A row whose words or text are missing and whose tags or spans are not is kept,
    for what reads it to refuse.

    Args:
        table: with an example a row.
        config: the recipe's data section.
        rows: what the task reads.

    Raises:
        DataError: no row has one.
    """
    columns = _columns(table, config, rows)
    if columns is None:
        return table
    cells = [table.columns[name] for name in columns.names]
    kept = [row for row, values in enumerate(zip(*cells, strict=True)) if not all(map(_no, values))]
    if not kept:
        raise DataError(
            f"no row has a text (column {', '.join(map(repr, columns.texts))})",
            where=table.source,
            rule="rows without one are left out, and that is all of them",
            remedy=f"name the column that holds them: {as_override(columns.key, 'COLUMN')}",
        )
    left = sorted({*range(len(table))} - {*kept})
    if left:
        rows_left = counted(len(left), "row")
        table = table.select(kept).noted(
            f"{rows_left} without a text left out (first: {table.place(left[0])})"
        )
    return _filled(table, columns.texts) if rows == "labels" else table


class _Columns(NamedTuple):
    """The columns of the texts, those that must be empty too where a row has none, and the key."""

    texts: Sequence[str]
    annotations: Sequence[str]
    key: str

    @property
    def names(self) -> list[str]:
        return [*self.texts, *self.annotations]


def _columns(table: Table, config: DataConfig, rows: Rows) -> _Columns | None:
    """None where a column is missing, which what reads it refuses; of CoNLL files, whose rows all
    have words; and of a corpus, whose documents are yet to be cut (``hfdl.data.corpus``).
    """
    if rows == "texts" or table.item_lines is not None:
        return None
    if rows != "entities":
        pair = [config.text_pair] if config.text_pair is not None and rows == "labels" else []
        found = _Columns([config.text, *pair], [], "data.text")
    elif config.tokens in table.columns:
        found = _Columns([config.tokens], [config.tags], "data.tokens")
    else:
        found = _Columns([config.text], [config.spans], "data.text")
    return found if all(name in table.columns for name in found.names) else None


def _no(cell: Any) -> bool:
    """Whether a cell holds no text, no words, no tags or no spans."""
    if isinstance(cell, Mapping):
        return "entities" in cell and not cell["entities"]
    return not cell if isinstance(cell, list | tuple) else is_blank(cell)


def _filled(table: Table, pair: Sequence[str]) -> Table:
    """Of a pair, an empty text for the one that is missing."""
    halves = [
        row
        for row, values in enumerate(zip(*(table.columns[name] for name in pair), strict=True))
        if any(map(is_blank, values))
    ]
    if not halves:
        return table
    columns = {
        name: ["" if cell is None or cell != cell else cell for cell in table.columns[name]]
        for name in pair
    }
    return table.with_columns(columns).noted(half_pairs(len(halves), table.place(halves[0])))


def half_pairs(count: int, first: str) -> str:
    """The line that counts pairs of which one text is missing."""
    have = "has" if count == 1 else "have"
    return (
        f"{counted(count, 'row')} {have} one text of two, and "
        f"{'is' if count == 1 else 'are'} read with it alone (first: {first})"
    )
