"""Reading columns of words and of tags: a list per row, or a text split at blanks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.table import Table
from hfdl.errors import DataError, listed


def words_of(table: Table, config: DataConfig) -> list[list[str]]:
    """The words of each row.

    Raises:
        DataError: a row without words, or with one that is no text.
    """
    rows = []
    for row, value in enumerate(table.column(config.tokens, "data.tokens")):
        words = _items(value, table, row, config.tokens)
        if not words:
            raise DataError(
                "a sentence without words",
                where=table.where(row),
                rule=f"column {config.tokens!r} holds a list of words",
                remedy="remove the row",
            )
        for word in words:
            if not isinstance(word, str):
                raise DataError(
                    f"word {word!r} is not a text",
                    where=table.where(row),
                    rule=f"column {config.tokens!r} holds a list of texts",
                    remedy="write it as a text, in quotes",
                )
        rows.append(words)
    return rows


def tags_of(table: Table, config: DataConfig) -> list[list[str]]:
    """The tags of each row as names.

    Numbers are named by the source (Hub ``ClassLabel``) or by ``data.labels``.

    Raises:
        DataError: no such column, or a tag that is no text and has no name.
    """
    names = _names(table, config)
    return [
        [_name(tag, names, table, row, config) for tag in _items(value, table, row, config.tags)]
        for row, value in enumerate(table.column(config.tags, "data.tags"))
    ]


def values_of(table: Table, config: DataConfig) -> set[str]:
    """The tags as the file writes them, numbers as text."""
    rows = enumerate(table.column(config.tags, "data.tags"))
    return {str(tag) for row, value in rows for tag in _items(value, table, row, config.tags)}


def _items(value: Any, table: Table, row: int, column: str) -> list[Any]:
    if isinstance(value, str):
        return [item for item in value.split(" ") if item]  # NBSP may be part of a word
    if isinstance(value, list | tuple):
        return list(value)
    raise DataError(
        f"{value!r} in column {column!r} is not a list",
        where=table.where(row),
        rule="a row has a list of words and a list of tags, or texts that blanks separate",
        remedy="correct the row or remove it",
    )


def _names(table: Table, config: DataConfig) -> dict[str, str]:
    """Names by the value in the file, as text."""
    source = (table.label_names or {}).get(config.tags)
    declared: Sequence[str] = source or (config.labels if isinstance(config.labels, list) else ())
    names = {str(number): name for number, name in enumerate(declared)}
    if isinstance(config.labels, dict):
        names |= {str(value): str(name) for value, name in config.labels.items()}
    return names


_DIGITS = 3
"""Of the number of a tag, at most: a thousand tags are of no corpus."""


def _name(tag: Any, names: dict[str, str], table: Table, row: int, config: DataConfig) -> str:
    if isinstance(tag, str):
        if isinstance(config.labels, dict) or (tag.isdigit() and tag not in names.values()):
            tag = names.get(tag, tag)
    elif isinstance(tag, int) and not isinstance(tag, bool):
        tag = names.get(str(tag), tag)
    if isinstance(tag, str) and tag.strip():
        return tag
    raise DataError(
        f"tag {tag!r} in column {config.tags!r} has no name",
        where=table.where(row),
        rule=f"the source names: {listed(names.values())}"
        if names
        else "a tag is a text such as B-PER, or a number that the source names",
        remedy=f"name the numbers from 0 on, for instance {numbered_tags(table, config)}"
        if isinstance(tag, int) or str(tag).isdigit()
        else "name the column of the tags: data.tags=COLUMN",
    )


def numbered_tags(table: Table, config: DataConfig) -> str:
    """``data.labels=[O, B-TYPE1, I-TYPE1]``, with a name for each number of the tags' column; of
    numbers so large that they are no tags' (years, ids) a map with those that there are.
    """
    cells = table.columns.get(config.tags, ())
    items = (
        item for cell in cells for item in (cell if isinstance(cell, list | tuple) else [cell])
    )
    texts = (part for item in items for part in str(item).split())
    numbers = {text for text in texts if text.isascii() and text.isdigit()} or {"2"}
    if max(map(len, numbers)) > _DIGITS:
        ordered = sorted(numbers, key=lambda text: (len(text), text))
        return as_override("data.labels", {text: _tag(i) for i, text in enumerate(ordered)})
    tags = [_tag(i) for i in range(max(map(int, numbers)) + 1)]
    return as_override("data.labels", tags)


def _tag(number: int) -> str:
    return f"{'IB'[number % 2]}-TYPE{(number + 1) // 2}" if number else "O"
