"""The settings in which runs differ, by key of the recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.report.compared.members import Member

ABSENT = object()


def differing(members: Sequence[Member]) -> dict[str, list[str]]:
    """The keys that are not the same everywhere, each with its value in every member.

    Of a group, values that differ between its seeds are listed: ``0, 1, 2``. A key that a recipe
    lacks is ``-``.
    """
    flat = [[_flat(record.recipe) for record in one.records] for one in members]
    keys = dict.fromkeys(key for recipes in flat for recipe in recipes for key in recipe)
    found = {}
    for key in keys:
        values = [
            list(dict.fromkeys(_shown(recipe.get(key, ABSENT)) for recipe in recipes))
            for recipes in flat
        ]
        if any(one != values[0] for one in values):
            found[key] = [", ".join(one) for one in values]
    return found


def _flat(recipe: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """``{"train": {"seed": 0}}`` as ``{"train.seed": 0}``; an empty mapping is a value."""
    flat: dict[str, Any] = {}
    for name, value in recipe.items():
        key = f"{before}{name}"
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{key}.")
        else:
            flat[key] = value
    return flat


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "-"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
