"""Cells that hold several labels in a text: ``sport, music``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import meaning

_SEPARATORS = (";", "|", ",", "/", "\n", "\t", "&", "+")


def separator_among(names: Collection[str], known: Iterable[str] = ()) -> str | None:
    """What separates the labels in some names; None where they are one label each.

    Args:
        names: as cells hold them.
        known: labels that there are besides.

    Returns:
        the separator with which all parts of a name are names themselves, or with which the parts
        of three names or more all come again in other names.
    """
    for mark in _SEPARATORS:
        split = {name: _parts(name, mark) for name in names}
        several = {name: parts for name, parts in split.items() if len(parts) > 1}
        single = {part for parts in split.values() if len(parts) == 1 for part in parts}
        single |= set(map(meaning, known))
        if any(all(part in single for part in parts) for parts in several.values()):
            return mark
        counts = Counter(part for parts in several.values() for part in set(parts))
        again = all(number > 1 or part in single for part, number in counts.items())
        if len(several) > 2 and again:
            return mark
    return None


def can_split(config: DataConfig, cells: Iterable[Any]) -> bool:
    """Whether ``data.label_separator`` would have an effect: on texts that nothing splits yet."""
    is_free = config.label_separator is None and isinstance(config.label, str)
    kind = config.problem_type
    return (
        is_free
        and kind in (None, "multi_label_classification")
        and not any(isinstance(cell, list | tuple) for cell in cells)
    )


def split_at(mark: str) -> str:
    """What to set so that cells are split at a separator."""
    return as_override("data.label_separator", {"\n": "\\n", "\t": "\\t"}.get(mark, mark))


def _parts(name: str, mark: str) -> list[Hashable]:
    return [meaning(part) for part in name.split(mark) if part.strip()]
