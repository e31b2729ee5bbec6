"""Reading json and jsonl. Values keep their JSON type; null and an absent key are None."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table, columns_of_rows, refuse_duplicate_columns, refuse_empty
from hfdl.errors import DataError

_SHAPES = (
    "a json file holds a list of objects, an object of columns of equal length, "
    "or an object whose single key holds a list of objects"
)


def read_jsonl(text: str, source: str) -> Table:
    """One object per line; blank lines are skipped.

    Raises:
        DataError: a line that is not a JSON object (with line and column), a key twice in an
            object, or no rows.
    """
    rows: list[Mapping[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(text_lines(text), start=1):
        if not line.strip():
            continue
        rows.append(read_object(line, source, number))
        lines.append(number)
    table = refuse_empty(Table(source, columns_of_rows(rows), lines=lines))
    refuse_surrogates(text, table)
    return table


def read_object(line: str, source: str, number: int) -> dict[str, Any]:
    """The object on a line of a jsonl file.

    Raises:
        DataError: not a JSON object, or a key twice in it.
    """
    row = _parse(line, source, line=number)
    if not isinstance(row, dict):
        raise DataError(
            f"{_kind(row)} where an object should be",
            where=f"{source}, line {number}",
            rule="a jsonl file holds one object a line",
            remedy='write it as {"text": ..., "label": ...}',
        )
    return row


def read_json(text: str, source: str) -> Table:
    """A list of objects, an object of columns, or an object with a single key that holds a list.

    Raises:
        DataError: not JSON (with line and column), none of those shapes, a key twice in an
            object, columns of unequal length, or no rows.
    """
    table = refuse_empty(Table(source, _columns(_parse(text, source), source)))
    refuse_surrogates(text, table)
    return table


def _columns(content: Any, source: str) -> dict[str, list[Any]]:
    if isinstance(content, dict):
        values = list(content.values())
        if len(values) == 1 and _all_objects(values[0]):
            return columns_of_rows(values[0])
        if values and all(isinstance(value, list) for value in values):
            return content
    if isinstance(content, list):
        if _all_objects(content):
            return columns_of_rows(content)
        row = next(i for i, value in enumerate(content) if not isinstance(value, dict))
        raise DataError(
            f"{_kind(content[row])} where an object should be",
            where=f"{source}, row {row + 1}",
            rule=_SHAPES,
        )
    raise DataError(f"cannot make rows of this {_kind(content)}", where=source, rule=_SHAPES)


def _all_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _parse(text: str, source: str, line: int | None = None) -> Any:
    where = source if line is None else f"{source}, line {line}"

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            refuse_duplicate_columns([key for key, _ in pairs], where, " in one object")
        return row

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        place = f"{source}, line {(line or 1) + error.lineno - 1}, column {error.colno}"
        raise DataError(
            f"not JSON: {error.msg}",
            where=place,
            rule="a jsonl file holds one JSON object a line" if line else _SHAPES,
            remedy="correct this place",
        ) from None
    except (RecursionError, ValueError) as error:
        # ValueError: an integer of more digits than Python converts.
        raise DataError(f"JSON that cannot be read: {error}", where=where) from None


def refuse_surrogates(text: str, table: Table) -> None:
    r"""Refuse half a character (an escape like ``\ud83d`` alone), which no tokenizer takes."""
    if "\\ud" not in text.lower():
        return
    for name, values in table.columns.items():
        for row, value in enumerate(values):
            if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
                raise DataError(
                    f"column {name!r} holds half of a surrogate pair",
                    where=table.where(row),
                    rule="it is no character and cannot be tokenised",
                    remedy=r"the escape \uD83D, for instance, needs its second half \uDE00",
                )


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
