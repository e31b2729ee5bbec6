"""Spans of entities as annotation tools write them, as one column of {start, end, label}."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.layouts.verdicts import ANSWER
from hfdl.data.table import Table
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
    spans = [
        empty if cells[row] is None else _spans(cells[row], texts[row], offsets[row], table, row)
        for row in range(len(table))
    ]
    columns = {key: values for key, values in table.columns.items() if key != config.tokens}
    note = None if name == config.spans else f"column {name!r} is read as the spans"
    return replace(table, columns={**columns, config.spans: spans}).noted(note)


def _span_column(table: Table, config: DataConfig) -> str | None:
    if config.spans in table.columns:
        return config.spans
    names = [name for name in SPAN_COLUMNS if name in table.columns]
    return next((name for name in names if _holds_spans(table.columns[name])), None)


def _holds_spans(cells: Sequence[Any]) -> bool:
    """Whether all cells are lists of spans, and there is one."""
    lists = [_listed(cell) for cell in cells if cell is not None]
    if not lists or not all(isinstance(items, list | tuple) for items in lists):
        return False
    items = [item for found in lists for item in found]
    return bool(items) and all(map(_is_span, items))


def _listed(cell: Any) -> Any:
    return cell["entities"] if isinstance(cell, Mapping) and "entities" in cell else cell


def _is_span(item: Any) -> bool:
    if isinstance(item, Mapping):
        return any(key in item for key in (*_STARTS, "token_start"))
    is_triple = isinstance(item, list | tuple) and len(item) == 3
    return is_triple and type(item[0]) is int and type(item[1]) is int


def _are_objects(cells: Sequence[Any]) -> bool:
    lists = [cell for cell in cells if isinstance(cell, list) and cell]
    return bool(lists) and all(isinstance(item, Mapping) for cell in lists for item in cell)


def _spans(cell: Any, text: Any, tokens: Any, table: Table, row: int) -> Any:
    items = _listed(cell)
    if not isinstance(items, list | tuple):
        return cell  # what reads the spans refuses it
    return [_span(item, text, tokens, table, row) for item in items]


def _span(item: Any, text: Any, tokens: Any, table: Table, row: int) -> Any:
    if not isinstance(item, Mapping):
        return item
    start, end = _first(item, _STARTS), _first(item, _ENDS)
    if start is None and end is None and isinstance(tokens, list):
        start, end = _of_tokens(item, tokens)
    label = _first(item, _LABELS)
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    if isinstance(label, list):
        raise DataError(
            f"span {start}:{end} has {len(label)} labels",
            where=table.where(row),
            rule="a span has one label",
            remedy="give it one, or remove it",
        )
    own = item.get("text")
    stands = text[start:end] if isinstance(text, str) and _are_numbers(start, end) else own
    if isinstance(own, str) and stands != own:
        raise DataError(
            f"span {start}:{end} is {stands!r} in the text, and {own!r} in the annotation",
            where=table.where(row),
            rule="offsets count characters (Unicode code points) of the text as it stands here",
            remedy="was the text changed after it was annotated? Annotate it again",
        )
    return {"start": start, "end": end, "label": label}


def _are_numbers(start: Any, end: Any) -> bool:
    return type(start) is int and type(end) is int


def _of_tokens(item: Mapping[str, Any], tokens: list[Any]) -> tuple[Any, Any]:
    """Characters of a span that is given in tokens; Prodigy's last token belongs to it."""
    first, last = item.get("token_start"), item.get("token_end")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last < len(tokens):
        return None, None
    return tokens[first].get("start"), tokens[last].get("end")


def _first(item: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)
