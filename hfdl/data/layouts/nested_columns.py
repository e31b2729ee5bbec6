"""Columns of objects: ``translation.en`` is the key ``en`` of the objects in ``translation``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.table import Table

_SHOWN = 4


def with_nested(table: Table, config: DataConfig) -> Table:
    """The table with a column for each key of an object that the recipe names, as
    ``Dataset.flatten`` names them. A column that has this name already stays.

    Where columns hold objects and none of their keys is named, the table's advice says how to.
    """
    objects = {name: keys for name in table.columns if (keys := _keys(table.columns[name]))}
    if not objects:
        return table
    columns = dict(table.columns)
    for name in named_columns(config):
        outer, _, key = name.partition(".")
        if name not in columns and outer in objects:
            values = _values(table.columns[outer], key.split("."))
            if any(value is not None for value in values):
                columns[name] = values
    if len(columns) > len(table.columns):
        return replace(table, columns=columns)
    names = [f"{name}.{key}" for name, keys in objects.items() for key in keys]
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    advice = f"keys of objects are columns too: {shown}"
    return replace(table, advice=f"{table.advice}; {advice}" if table.advice else advice)


def named_columns(config: DataConfig) -> list[str]:
    """The columns that a recipe names, in the order of its keys."""
    labels = [config.label] if isinstance(config.label, str) else config.label
    names = [config.text, config.text_pair, *labels, config.tokens, config.tags, config.spans]
    return [name for name in names if name]


def _keys(cells: Sequence[Any]) -> list[str]:
    """The keys of a column that holds objects alone; none of any other."""
    objects: Iterable[Any] = [cell for cell in cells if cell is not None]
    if not all(isinstance(cell, Mapping) for cell in objects):
        return []
    return list(dict.fromkeys(str(key) for cell in objects for key in cell))


def _values(cells: Sequence[Any], path: Sequence[str]) -> list[Any]:
    for key in path:
        cells = [cell.get(key) if isinstance(cell, Mapping) else None for cell in cells]
    return list(cells)
