"""The shapes that a json file may have, as rows or columns: lists, columns, pandas' orients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.data.readers.label_studio import is_label_studio, rows_of_label_studio
from hfdl.data.readers.reading import Reading
from hfdl.data.readers.spacy_json import is_pair, is_spacy, rows_of_pairs, rows_of_spacy
from hfdl.data.table import Table, columns_of_rows
from hfdl.errors import DataError

SHAPES = (
    "a json file holds a list of objects, an object of columns of equal length, an object with "
    "one list of objects in it, pandas' to_json, or an object a line"
)


def table_of_json(content: Any, source: str, reading: Reading) -> Table:
    """The table that a parsed json file holds.

    Raises:
        DataError: none of the shapes, or one of several that cannot be told apart.
    """
    if isinstance(content, Mapping):
        if (columns := _pandas(content, source, reading)) is not None:
            return Table(source, columns)
        if _is_columns(content):
            return Table(source, content)
        if content and not any(isinstance(value, list | dict) for value in content.values()):
            return Table(source, columns_of_rows([content]))
        content = _list_within(content, source)
    if isinstance(content, list):
        return _rows(content, source, reading)
    raise _no_rows(content, source)


def _rows(content: list[Any], source: str, reading: Reading) -> Table:
    if content and all(item is None or is_pair(item) for item in content):
        return rows_of_pairs(content, source, reading)  # null: a text that was passed over
    for row, item in enumerate(content):
        if not isinstance(item, dict):
            raise DataError(
                f"{kind_of(item)} where an object should be",
                where=f"{source}, row {row + 1}",
                rule=SHAPES,
                remedy=f"name the columns: {_named(item)}" if isinstance(item, list) else None,
            )
    if is_label_studio(content):
        return rows_of_label_studio(content, source, reading)
    if is_spacy(content):
        return rows_of_spacy(content, source, reading)
    return Table(source, columns_of_rows(content))


def _named(item: list[Any]) -> str:
    return "write each row as {" + ", ".join('"NAME": ...' for _ in item[:2]) + ", ...}"


def _is_columns(content: Mapping[str, Any]) -> bool:
    values = list(content.values())
    if not values or not all(isinstance(value, list) for value in values):
        return False
    # {"data": [{...}]} is rows, and so is {"data": [{...}], "classes": ["a", "b", "c"]}.
    return not any(_all_objects(value) or _all_pairs(value) for value in values if value)


def _list_within(content: Mapping[str, Any], source: str) -> list[Any]:
    """The one list of objects among the values of an object."""
    lists = [
        key
        for key, value in content.items()
        if value and (_all_objects(value) or _all_pairs(value))
    ]
    if len(lists) == 1:
        return content[lists[0]]
    if lists:
        raise DataError(
            f"several lists of objects: {', '.join(lists)}",
            where=source,
            rule="a file holds one split",
            remedy="write each of them to a file of its own",
        )
    raise _no_rows(content, source)


def _no_rows(content: Any, source: str) -> DataError:
    return DataError(f"cannot make rows of this {kind_of(content)}", where=source, rule=SHAPES)


def _all_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _all_pairs(value: Any) -> bool:
    pairs = isinstance(value, list) and all(item is None or is_pair(item) for item in value)
    return pairs and any(item is not None for item in value)


# ---- pandas' to_json(orient=...) -----------------------------------------------------------------


def _pandas(
    content: Mapping[str, Any], source: str, reading: Reading
) -> Mapping[str, list[Any]] | None:
    """The columns of split, table, columns and index; None where it is none of them."""
    if {"columns", "data"} <= set(content) <= _SPLIT_KEYS:
        return _of_split(content["columns"], content["data"], source)
    if set(content) == {"schema", "data"} and _all_objects(content["data"]):
        columns = columns_of_rows(content["data"])
        for name in _primary_key(content["schema"]):
            if name not in reading.asked and len(columns) > 1:
                columns.pop(name, None)
        return columns
    values = list(content.values())
    if not values or not all(isinstance(value, dict) and value for value in values):
        return None
    inner = list(dict.fromkeys(key for value in values for key in value))
    outer_counts, inner_counts = _are_numbers(content), _are_numbers(inner)
    if inner_counts and not outer_counts:
        return {name: [column.get(key) for key in inner] for name, column in content.items()}
    if outer_counts and not inner_counts:
        return columns_of_rows(values)
    raise DataError(
        "an object of objects, whose rows and columns cannot be told apart",
        where=source,
        rule="in pandas' to_json the rows are numbered: orient='columns' has the numbers inside, "
        "'index' outside",
        remedy="write it with orient='records'",
    )


_SPLIT_KEYS = {"columns", "index", "data", "index_names", "column_names"}


def _of_split(names: Any, data: Any, source: str) -> dict[str, list[Any]]:
    if not isinstance(names, list) or not isinstance(data, list):
        raise DataError("columns and data must be lists", where=source, rule=SHAPES)
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            raise DataError(
                f"{cells!r} where {len(names)} values should be",
                where=f"{source}, row {row + 1}",
                rule="each row of data has a value for each of columns",
            )
    return {str(name): [cells[i] for cells in data] for i, name in enumerate(names)}


def _primary_key(schema: Any) -> Sequence[str]:
    keys = schema.get("primaryKey", []) if isinstance(schema, dict) else []
    return [keys] if isinstance(keys, str) else keys


def _are_numbers(names: Any) -> bool:
    return all(str(name).lstrip("-").isdigit() for name in names)


def kind_of(value: Any) -> str:
    """What JSON calls a value."""
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
