"""Labels that are probably not meant so: spellings of one label, numbers with decimal commas."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable

from hfdl.config.overrides import as_override

_MAPPED = 20
"""Most labels that a line maps."""
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def label_doubts(names: Iterable[str]) -> list[str]:
    """Lines for a person about a label set; none where nothing is unusual."""
    names = list(names)
    by_kind = {
        "differ in case or white space only": _groups(
            names, lambda name: " ".join(name.split()).casefold()
        ),
        "are one number": _groups(filter(_NUMBER.fullmatch, names), float),
        "may be one truth value": [
            alike
            for alike in _groups(
                (n for n in names if n.lower() in _TRUTH), lambda n: _TRUTH[n.lower()]
            )
            if any(map(str.isdigit, alike))
        ],
    }
    lines = [
        f"labels that {kind}: {_listed(alike)}{_as_one(alike, names)}"
        for kind, groups in by_kind.items()
        for alike in groups
    ]
    commas = [name for name in names if _DECIMAL_COMMA.fullmatch(name)]
    if commas and all(_NUMBER.fullmatch(name) for name in names if name not in commas):
        lines.append(
            f"labels look like numbers with a decimal comma, and each is a class of its own: "
            f"{_listed(commas[:3])}; a regression reads {commas[0].replace(',', '.')}; of several "
            "labels in a cell: data.label_separator=','"
        )
    return lines


def _as_one(alike: list[str], names: list[str]) -> str:
    """What to set if they are one label; a map names all labels."""
    if len(names) > _MAPPED:
        return ""
    mapping = {name: alike[0] if name in alike else name for name in names}
    return f"; if they are one: {as_override('data.labels', mapping)}"


def _groups(names: Iterable[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    """Names that have the same key, where several have."""
    groups: dict[Hashable, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return [alike for alike in groups.values() if len(alike) > 1]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
