"""Labels that are probably not meant so: spellings of one label, numbers with decimal commas."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import NUMBER, look, meaning, shape
from hfdl.data.label_values import first_place, label_cells
from hfdl.data.no_label import left_out, means_none
from hfdl.data.number_marks import doubt
from hfdl.data.several_labels import can_split, separator_among, split_at
from hfdl.data.table import Table

_MAPPED = 20
"""Most labels that a line maps."""
_TRUTH = {"true": True, "false": False}
_FEW = 3
"""Most names among numbers with fractions that are taken for slips."""


def label_doubts(
    names: Iterable[str],
    mapping: Mapping[str, str] | None = None,
    config: DataConfig | None = None,
    table: Table | None = None,
) -> list[str]:
    """Lines for a person about a label set; none where nothing is unusual.

    Args:
        names: the labels.
        mapping: value in the file -> label, where the recipe has such a map.
        config: the recipe's data section.
        table: the rows that have them, for the places.
    """
    names, config = list(names), config or DataConfig()
    values = mapping or {name: name for name in names}
    several = [*_several(names, config, table)]
    # A map of labels that are to be split would name what then is no label.
    lines = [*(several or _one_label(names, values)), *_no_label(names, values, config, table)]
    if marked := doubt([name for name in names if not means_none(name)]):
        lines.append(marked)
    return lines


def _one_label(names: Sequence[str], values: Mapping[str, str]) -> Iterable[str]:
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
    if len(values) <= _MAPPED:
        merged = {name: _chosen(alike) for alike in groups for name in alike}
        one = {value: merged.get(name, name) for value, name in values.items()}
        line += f"; if they are one: {as_override('data.labels', one)}"
    yield line


def _several(names: Sequence[str], config: DataConfig, table: Table | None) -> Iterable[str]:
    """The line about labels that are several, in one text."""
    mark = separator_among(names)
    if (
        mark is None
        or doubt(names)
        or not can_split(config, label_cells(table, config) if table else ())
    ):
        return
    several = [repr(name) for name in names if mark in name.strip(mark)]
    shown = ", ".join(several[:_FEW]) + (", ..." if len(several) > _FEW else "")
    yield f"labels look like several in a cell: {shown}; if they are: {split_at(mark)}"


def _no_label(
    names: Sequence[str],
    values: Mapping[str, str],
    config: DataConfig,
    table: Table | None,
) -> Iterable[str]:
    """The line about labels that may mean that there is none."""
    doubtful = [name for name in names if means_none(name)]
    others = [name for name in names if not NUMBER.fullmatch(name)]
    are_rest = len(others) < len(names) and (
        doubtful == others or (_has_fraction(names) and len(others) <= min(_FEW, len(names) / 3))
    )
    if are_rest and not doubt([name for name in names if name not in doubtful]):
        doubtful = others
    written = [value for value, name in values.items() if name in doubtful]
    if not written:
        return
    places = [first_place(value, table, config) if table else None for value in written]
    at = [f"{value!r} ({place})" if place else repr(value)
          for value, place in zip(written, places, strict=True)]  # fmt: skip
    means = "it means" if len(written) == 1 else "they mean"
    said = f"all labels but {', '.join(at)} are numbers, and each is a class"
    if not are_rest:
        said = f"label{'s' * (len(at) > 1)} {', '.join(at)} among the classes"
    yield f"{said}; if {means} that there is no label: {left_out(written, config)}"


def _has_fraction(names: Iterable[str]) -> bool:
    found = (float(name) for name in names if NUMBER.fullmatch(name))
    return any(not one.is_integer() for one in found)


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
