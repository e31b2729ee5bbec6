"""Data given as Python objects: a recipe is text, so a marker stands in it for the object."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from hfdl.config.overrides import settings

MEMORY = "memory://"
"""What the marker of an object begins with."""

_SOURCES = {("data", split) for split in ("train", "validation", "test")}


def take_objects(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take data objects out of overrides.

    Args:
        overrides: dotted or nested keys. ``data.train``, ``.validation`` and ``.test`` may be a
            Dataset, a DataFrame, a list of dicts or a dict of lists.

    Returns:
        the overrides, dotted, with a marker (``memory://train``) in place of each object, and the
        objects by marker.
    """
    plain: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for path, value in settings(overrides):
        key = ".".join(path)
        if path in _SOURCES and value is not None and not isinstance(value, str | PurePath):
            marker = f"{MEMORY}{path[-1]}"
            objects[marker] = value
            value = marker
        plain.pop(key, None)
        plain[key] = value
    return plain, objects
