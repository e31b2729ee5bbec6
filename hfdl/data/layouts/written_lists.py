"""Lists written as text in a cell: as JSON, as Python or as numpy prints them."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hfdl.data.table import Table
from hfdl.errors import DataError

_OPEN, _CLOSE = ("(", "[", "{"), (")", "]", "}")
_NO_TOKENS = (
    tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT,
)  # fmt: skip
_ARRAY = re.compile(r"array\((\[.*\])(?:,\s*dtype=\S+)?\)", re.DOTALL)
_MARKS = ("['", '["', ",")
_READ = "column {!r} holds lists written as text"
_LOOKED_AT = 100
_RULE = "a list in a cell is JSON, or as Python or numpy print it, in all rows or in none"


def written_list(text: str) -> list[Any]:
    """The list that a text writes down.

    ``["a", "b"]`` is JSON and Python's ``str``, ``['a' 'b']`` numpy's. Python itself would read the
    last as one string, ``ab``.

    Raises:
        ValueError: it is none, or numpy left items out; the message says what is wrong.
    """
    text = _ARRAY.sub(r"\1", text.strip())
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _python(text)
    if isinstance(value, dict) and "entities" in value:
        value = value["entities"]
    if not isinstance(value, list | tuple):
        raise ValueError("it is no list")
    return list(value)


def _python(text: str) -> Any:
    try:
        tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type not in _NO_TOKENS
        ]
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError("it does not end, or has a character without quotes") from error
    if any(token.string == "..." for token in tokens):
        raise ValueError("numpy left items out of it (...)")
    commas, adjacent = _commas(tokens)
    if adjacent and commas:
        raise ValueError("some of its items have a comma between them and others have none")
    try:
        if adjacent:
            return [ast.literal_eval(item) for item in _items(tokens)]
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("its items are not quoted") from None


def _commas(tokens: Sequence[tokenize.TokenInfo]) -> tuple[bool, bool]:
    """Whether items of the outer list have a comma, and whether items have none, between them."""
    depth, commas, adjacent = 0, False, False
    before: tokenize.TokenInfo | None = None
    for token in tokens:
        if token.string in _OPEN:
            adjacent = adjacent or _ends(before)
            depth += 1
        elif token.string in _CLOSE:
            depth -= 1
        elif token.string == "," and depth == 1:
            commas = True
        elif token.type in (tokenize.STRING, tokenize.NUMBER, tokenize.NAME) or _is_sign(
            token, before
        ):
            adjacent = adjacent or _ends(before)
        before = token
    return commas, adjacent


def _ends(token: tokenize.TokenInfo | None) -> bool:
    """Whether a value ends with this token."""
    kinds = (tokenize.STRING, tokenize.NUMBER, tokenize.NAME)
    return token is not None and (token.type in kinds or token.string in _CLOSE)


def _is_sign(token: tokenize.TokenInfo, before: tokenize.TokenInfo | None) -> bool:
    return token.string == "-" and before is not None and before.end != token.start


def _items(tokens: Sequence[tokenize.TokenInfo]) -> list[str]:
    """The source of each item of a list without commas."""
    items: list[str] = []
    sign = ""
    for token in tokens[1:-1]:
        if token.string == "-":
            sign = "-"
            continue
        items.append(sign + token.string)
        sign = ""
    return items


def with_label_lists(table: Table, name: str) -> Table:
    """``with_lists`` for labels, which may be tuples and sets of texts as Python prints them, too.

    ``('sport', 'music')``, ``{'sport'}``, ``()`` and ``set()`` are lists; ``(sport)`` is a label.

    Raises:
        DataError: as ``with_lists``; a cell that is no such list, though others are.
    """
    cells = table.columns.get(name, ())
    found = {row: _collection(cell) for row, cell in enumerate(cells)}
    read = {row: items for row, items in found.items() if items is not None}
    if not any(read.values()):  # () alone may be a label
        return with_lists(table, name, needed=False)
    for row, cell in enumerate(cells):
        if row not in read and isinstance(cell, str) and cell.strip():
            raise _no_list(table, name, row, cell, None)
    values = [read.get(row) for row in range(len(cells))]
    return replace(table, columns={**table.columns, name: values}).noted(_READ.format(name))


def _collection(cell: Any) -> list[str] | None:
    """The items of a tuple or set of texts; of a set in the order of the alphabet."""
    text = cell.strip() if isinstance(cell, str) else ""
    if text in ("()", "set()"):
        return []
    if text[:1] not in ("(", "{"):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    if not isinstance(value, tuple | set) or not all(isinstance(item, str) for item in value):
        return None
    return sorted(value) if isinstance(value, set) else list(value)


def texts_that_are_lists(table: Table, name: str) -> str | None:
    """A line about a column of texts that are all lists of words; they are read as they stand."""
    cells = [c for c in table.columns.get(name, ()) if isinstance(c, str) and c.strip()]
    if not cells or not all(_has_brackets(cell, needed=False) for cell in cells):
        return None
    try:
        if not all(_is_evidence(written_list(cell)) for cell in cells[:_LOOKED_AT]):
            return None
    except ValueError:
        return None
    return (
        f"column {name!r} holds lists written as text, and is read as it stands, with brackets and "
        "quotes; write its words with a blank between them"
    )


def with_lists(table: Table, name: str, *, needed: bool) -> Table:
    """A table whose column holds lists where its cells write them down.

    Args:
        table: the table.
        name: the column; one that the table lacks, or whose cells are no texts, stays.
        needed: whether the column must be read as lists where all of its cells have brackets;
            labels may be texts such as ``[spam]``, but not ``['spam']`` or ``[spam, ham]``.

    Raises:
        DataError: a cell that is no such list, though others are; with its place.
    """
    cells = table.columns.get(name, ())
    texts = [
        (row, cell) for row, cell in enumerate(cells) if isinstance(cell, str) and cell.strip()
    ]
    bracketed = [(row, cell) for row, cell in texts if _has_brackets(cell, needed)]
    if not bracketed:
        return table
    read: dict[int, list[Any]] = {}
    faults: dict[int, str] = {}
    for row, cell in bracketed:
        try:
            read[row] = written_list(cell)
        except ValueError as error:
            faults[row] = str(error)
    is_all = len(bracketed) == len(texts)
    needed = needed or any(mark in cell for _, cell in bracketed for mark in _MARKS)
    if not (is_all and (read or needed)) and not any(map(_is_evidence, read.values())):
        return table
    for row, cell in texts:
        if row not in read:
            raise _no_list(table, name, row, cell, faults.get(row))
    values = [
        read[row] if row in read else None if isinstance(cell, str) else cell
        for row, cell in enumerate(cells)
    ]
    return replace(table, columns={**table.columns, name: values}).noted(_READ.format(name))


def _has_brackets(cell: str, needed: bool) -> bool:
    cell = cell.strip()
    if _ARRAY.fullmatch(cell):
        return True
    pairs = ("[]", "{}", "()") if needed else ("[]",)  # (other) may be a label
    return len(cell) > 1 and cell[0] + cell[-1] in pairs


def _is_evidence(items: list[Any]) -> bool:
    """``['a']`` is certainly a list; ``[ 12 ]`` may be a sentence of three words."""
    return any(isinstance(item, str | list | tuple | dict) for item in items)


def _no_list(table: Table, name: str, row: int, cell: str, fault: str | None) -> DataError:
    shown = cell if len(cell) <= 60 else f"{cell[:57]}..."
    return DataError(
        f"{shown!r} in column {name!r} cannot be read as a list"
        + (f": {fault}" if fault else ", as other rows are"),
        where=table.where(row),
        rule=_RULE,
        remedy='write it as JSON: ["EU", "rejects"]',
    )
