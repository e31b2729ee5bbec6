"""Values of answers and tables as cells of a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any


def plain(value: Any) -> Any:
    """A value that JSON has: NaN and infinities are null, NumPy's numbers and arrays Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def cell(value: Any) -> str:
    """A value as a cell of a csv file: nothing for null and NaN, JSON for lists and objects."""
    from ..printing.text import to_json

    value = plain(value)
    if value is None:
        return ""
    return to_json(value) if isinstance(value, list | dict) else str(value)


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number, from 2 on, that no other column has."""
    names, number, free = {*taken}, 1, name
    while free in names:
        number += 1
        free = f"{name}_{number}"
    return free
