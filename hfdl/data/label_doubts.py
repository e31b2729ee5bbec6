"""Labels that are probably not meant so: spellings of one label, numbers with decimal commas."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

from hfdl.config.overrides import as_override
from hfdl.data.alike import NUMBER, look, meaning, shape

_MAPPED = 20
"""Most labels that a line maps."""
_TRUTH = {"true": True, "false": False}
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def label_doubts(names: Iterable[str], mapping: Mapping[str, str] | None = None) -> list[str]:
    """Lines for a person about a label set; none where nothing is unusual.

    Args:
        names: the labels.
        mapping: value in the file -> label, where the recipe has such a map.
    """
    names = list(names)
    lines = [*_one_label(names, mapping)]
    commas = [name for name in names if _DECIMAL_COMMA.fullmatch(name)]
    if commas and all(NUMBER.fullmatch(name) for name in names if name not in commas):
        lines.append(
            f"labels look like numbers with a decimal comma, and each is a class of its own: "
            f"{_listed(commas[:3])}; a regression reads {commas[0].replace(',', '.')}; of several "
            "labels in a cell: data.label_separator=','"
        )
    return lines


def _one_label(names: Sequence[str], mapping: Mapping[str, str] | None) -> Iterable[str]:
    """The line about labels that are probably one; its map is of all of them, and of the rest."""
    groups = _groups(names)
    if not groups:
        return
    by_kind: dict[str, list[str]] = {}
    for alike in groups:
        kind = _kind(alike)
        quoted = map(ascii if kind == "look alike" else repr, alike)
        by_kind.setdefault(kind, []).append(", ".join(quoted))
    kinds = (f"labels that {kind}: {' and '.join(alike)}" for kind, alike in by_kind.items())
    line = "; ".join(kinds)
    values = mapping or {name: name for name in names}
    if len(values) <= _MAPPED:
        merged = {name: _chosen(alike) for alike in groups for name in alike}
        one = {value: merged.get(name, name) for value, name in values.items()}
        line += f"; if they are one: {as_override('data.labels', one)}"
    yield line


def _groups(names: Iterable[str]) -> list[list[str]]:
    """Labels that mean the same, where several do."""
    names = list(names)
    words = {_TRUTH[look(name)] for name in names if look(name) in _TRUTH}
    groups: dict[Hashable, list[str]] = {}
    for name in names:
        key = _TRUTH.get(look(name), meaning(name))
        key = bool(key) if key in words else key  # True == 1.0 == 1, and 0.0 is False
        groups.setdefault(("truth", key) if key in words else key, []).append(name)
    return [alike for alike in groups.values() if len(alike) > 1]


def _kind(alike: Sequence[str]) -> str:
    if all(map(NUMBER.fullmatch, alike)):
        return "are one number"
    if any(look(name) in _TRUTH for name in alike) and any(map(NUMBER.fullmatch, alike)):
        return "may be one truth value"
    if len({" ".join(name.split()).casefold() for name in alike}) == 1:
        return "differ in case or white space only"
    return "look alike"


def _chosen(alike: Sequence[str]) -> str:
    """The one that is written plainly; the first of several."""
    return min(alike, key=lambda name: (name != shape(name), not name.isascii()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
