"""Reading json and jsonl. Values keep their JSON type; null and an absent key are None."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hfdl.data.readers.json_shapes import SHAPES, kind_of, table_of_json
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.spacy_json import is_pair, rows_of_pairs
from hfdl.data.readers.text_decoding import text_lines
from hfdl.data.table import Table, columns_of_rows, refuse_duplicate_columns, refuse_empty
from hfdl.errors import DataError


def read_jsonl(text: str, source: str, reading: Reading = PLAIN) -> Table:
    """One object per line; blank lines are skipped. Lines may also be spaCy's pairs of a text and
    its annotations. A file that is one list over several lines is read as json.

    Raises:
        DataError: a line that is not a JSON object (with line and column), a key twice in an
            object, or no rows.
    """
    if _is_one_list(text):
        return read_json(text, source, reading)
    rows: list[Any] = []
    lines: list[int] = []
    for number, line in enumerate(text_lines(text), start=1):
        if not line.strip():
            continue
        row = _parse(line, source, line=number)
        if not (is_pair(row) and is_pair(rows[0] if rows else row)):
            _refuse_no_object(row, source, number)
        rows.append(row)
        lines.append(number)
    if rows and all(map(is_pair, rows)):
        table = rows_of_pairs(rows, source, reading, lines)
    else:
        table = Table(source, columns_of_rows(rows), lines=lines)
    refuse_surrogates(text, refuse_empty(table))
    return table


def read_object(line: str, source: str, number: int) -> dict[str, Any]:
    """The object on a line of a jsonl file.

    Raises:
        DataError: not a JSON object, or a key twice in it.
    """
    row = _parse(line, source, line=number)
    _refuse_no_object(row, source, number)
    return row


def _refuse_no_object(row: Any, source: str, number: int) -> None:
    if not isinstance(row, dict):
        raise DataError(
            f"{kind_of(row)} where an object should be",
            where=f"{source}, line {number}",
            rule="a jsonl file holds one object a line",
            remedy='write it as {"text": ..., "label": ...}',
        )


def read_json(text: str, source: str, reading: Reading = PLAIN) -> Table:
    """A json file of any shape in ``hfdl.data.readers.json_shapes``, or with an object a line.

    Raises:
        DataError: not JSON (with line and column), none of those shapes, a key twice in an
            object, columns of unequal length, or no rows.
    """
    if _is_object_a_line(text):
        return read_jsonl(text, source, reading)
    table = refuse_empty(table_of_json(_parse(text, source), source, reading))
    refuse_surrogates(text, table)
    return table


def _is_object_a_line(text: str) -> bool:
    """Whether the first two lines that are not blank are values by themselves, as
    ``Dataset.to_json`` and ``DataFrame.to_json(lines=True)`` write a file.
    """
    first, second = _first_lines(text)
    if not (first.lstrip().startswith(("{", "[")) and second.lstrip().startswith(("{", "["))):
        return False
    return _is_whole(first)


def _is_one_list(text: str) -> bool:
    """Whether the first line opens a list that goes on in the second."""
    first, second = _first_lines(text)
    return first.lstrip().startswith("[") and bool(second) and not _is_whole(first)


def _first_lines(text: str) -> tuple[str, str]:
    """The first two lines that are not blank."""
    lines = (line for line in text_lines(text) if line.strip())
    return next(lines, ""), next(lines, "")


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parse(text: str, source: str, line: int | None = None) -> Any:
    where = source if line is None else f"{source}, line {line}"

    def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        row = dict(pairs)
        if len(row) < len(pairs):
            refuse_duplicate_columns([key for key, _ in pairs], where, " in one object")
        return row

    try:
        return json.loads(text, object_pairs_hook=unique)
    except DataError:  # of ``unique``; it is a ValueError too
        raise
    except json.JSONDecodeError as error:
        place = f"{source}, line {(line or 1) + error.lineno - 1}, column {error.colno}"
        raise DataError(
            f"not JSON: {error.msg}",
            where=place,
            rule="a jsonl file holds one JSON object a line" if line else SHAPES,
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
