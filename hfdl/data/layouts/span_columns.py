"""Spans of entities as annotation tools write them, as one column of {start, end, label}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hfdl.config.schema import DataConfig
from hfdl.data.layouts.verdicts import ANSWER
from hfdl.data.table import Table, counted
from hfdl.errors import DataError

SPAN_COLUMNS = ("label", "labels", "entities", "annotations", "ents")
"""Columns in which tools put spans: doccano, Label Studio's JSON_MIN, spaCy."""

_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_LABELS = ("label", "labels", "tag", "entity_group", "entity", "type")


def with_spans(table: Table, config: DataConfig) -> Table:
    """A table whose column ``data.spans`` holds what a tool wrote there or in a column of its own.

    Words and tags come first: where the table has them, nothing is changed. Prodigy's tokens,
    which are objects with offsets, are no words of their own; its spans are read.

    Spans that give their own text and are counted in UTF-16 units, as in a browser, are counted
    in characters.

    Raises:
        DataError: a span of several labels, or one whose own text is not what stands there.
    """
    tokens = table.columns.get(config.tokens)
    if tokens is not None and not _are_objects(tokens):
        return table
    name = _span_column(table, config)
    if name is None:
        return table
    texts = table.columns.get(config.text, [None] * len(table))
    offsets = tokens or [None] * len(table)
    empty: Any = [] if ANSWER in table.columns else None  # Prodigy leaves the key out
    cells = table.columns[name]
    units: list[int] = []
    spans = [
        empty
        if cells[row] is None
        else _spans(cells[row], _Row(texts[row], offsets[row], table.where(row), units))
        for row in range(len(table))
    ]
    spans, copies = _without_copies(spans)
    columns = {key: values for key, values in table.columns.items() if key != config.tokens}
    note = None if name == config.spans else f"column {name!r} is read as the spans"
    counted_so = f"{counted(len(units), 'span')} counted in UTF-16 units read in characters"
    return replace(table, columns={**columns, config.spans: spans}).noted(
        note,
        counted_so if units else None,
        f"{counted(len(copies), 'copy of a span', 'copies of spans')} left out (first: "
        f"{table.place(copies[0])})"
        if copies
        else None,
    )


def _without_copies(cells: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """The spans of each row without copies, and the row of each copy that was left out."""
    kept: list[Any] = []
    copies: list[int] = []
    for row, cell in enumerate(cells):
        once = cell
        if isinstance(cell, list | tuple):
            once = [item for i, item in enumerate(cell) if item not in cell[:i]]
            copies += [row] * (len(cell) - len(once))
        kept.append(once)
    return kept, copies


class _Row(NamedTuple):
    """What the spans of a row are read with.

    Args:
        text: the row's text, and anything else where it has none.
        tokens: Prodigy's tokens, if any.
        where: its place.
        units: takes the start of each span that was counted in UTF-16 units.
    """

    text: Any
    tokens: Any
    where: str
    units: list[int]


def _span_column(table: Table, config: DataConfig) -> str | None:
    if config.spans in table.columns:
        return config.spans
    counts = {
        name: _count_spans(table.columns[name]) for name in SPAN_COLUMNS if name in table.columns
    }
    # A file in which nothing is named has empty lists alone.
    return max((name for name in counts if counts[name] >= 0), key=counts.__getitem__, default=None)


def _count_spans(cells: Sequence[Any]) -> int:
    """How many spans the cells hold; -1 where not all of them are lists of spans."""
    lists = [_listed(cell) for cell in cells if cell is not None]
    if not lists or not all(isinstance(items, list | tuple) for items in lists):
        return -1
    items = [item for found in lists for item in found]
    return len(items) if all(map(_is_span, items)) else -1


def _listed(cell: Any) -> Any:
    """The spans of a cell: also of an object of lists, as datasets keeps a list of objects."""
    cell = cell["entities"] if isinstance(cell, Mapping) and "entities" in cell else cell
    if isinstance(cell, Mapping) and any(key in cell for key in _STARTS):
        lists = {key: value for key, value in cell.items() if isinstance(value, list | tuple)}
        if len(lists) == len(cell) and len(set(map(len, lists.values()))) == 1:
            return [
                dict(zip(lists, items, strict=True)) for items in zip(*lists.values(), strict=True)
            ]
    return cell


def _is_span(item: Any) -> bool:
    if isinstance(item, Mapping):
        return any(key in item for key in (*_STARTS, "token_start"))
    is_triple = isinstance(item, list | tuple) and len(item) == 3
    return is_triple and type(item[0]) is int and type(item[1]) is int


def _are_objects(cells: Sequence[Any]) -> bool:
    lists = [cell for cell in cells if isinstance(cell, list) and cell]
    return bool(lists) and all(isinstance(item, Mapping) for cell in lists for item in cell)


def _spans(cell: Any, row: _Row) -> Any:
    items = _listed(cell)
    if not isinstance(items, list | tuple):
        return cell  # what reads the spans refuses it
    return [_span(item, row) for item in items]


def _span(item: Any, row: _Row) -> Any:
    if not isinstance(item, Mapping):
        return item
    start, end = _first(item, _STARTS), _first(item, _ENDS)
    if start is None and end is None and isinstance(row.tokens, list):
        start, end = _of_tokens(item, row.tokens)
    label = _first(item, _LABELS)
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    if isinstance(label, list):
        raise DataError(
            f"span {start}:{end} has {len(label)} labels",
            where=row.where,
            rule="a span has one label",
            remedy="give it one, or remove it",
        )
    start, end = _in_characters(_whole(start), _whole(end), item.get("text"), row)
    return {"start": start, "end": end, "label": label}


def _whole(place: Any) -> Any:
    """3.0 as 3: pandas makes floats of a column in which one is missing."""
    return int(place) if isinstance(place, float) and place.is_integer() else place


def _in_characters(start: Any, end: Any, own: Any, row: _Row) -> tuple[Any, Any]:
    """The place of a span, which its own text, if it gives one, must stand at."""
    text = row.text
    is_known = isinstance(own, str) and isinstance(text, str)
    if not is_known or type(start) is not int or type(end) is not int or text[start:end] == own:
        return start, end
    place = _of_utf16(text, start, end)
    if place is not None and text[slice(*place)] == own:
        row.units.append(start)
        return place
    raise DataError(
        f"span {start}:{end} is {text[start:end]!r} in the text, and {own!r} in the annotation",
        where=row.where,
        rule="offsets count characters (Unicode code points) of the text as it stands here",
        remedy="was the text changed after it was annotated? Annotate it again",
    )


def _of_utf16(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Characters of a span that is counted in UTF-16 units, as JavaScript counts: an emoji is 2."""
    units = text.encode("utf-16-le")
    try:
        parts = [units[: 2 * place].decode("utf-16-le") for place in (start, end)]
    except UnicodeDecodeError:
        return None
    return len(parts[0]), len(parts[1])


def _of_tokens(item: Mapping[str, Any], tokens: list[Any]) -> tuple[Any, Any]:
    """Characters of a span that is given in tokens; Prodigy's last token belongs to it."""
    first, last = item.get("token_start"), item.get("token_end")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last < len(tokens):
        return None, None
    return tokens[first].get("start"), tokens[last].get("end")


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)
