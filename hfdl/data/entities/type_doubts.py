"""Types of entities that are probably one, and tags of words outside: lines with what to set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import shape
from hfdl.data.entities.tag_spelling import twins
from hfdl.data.entities.tags import OUTSIDE


def given_names(config: DataConfig, values: Iterable[str] = ()) -> dict[str, str]:
    """``data.labels`` as a map, to go on from; a list of tags names the numbers of a file.

    Args:
        config: the recipe's data section.
        values: the tags as the file writes them.
    """
    if isinstance(config.labels, dict):
        return dict(config.labels)
    are_numbers = any(value.isdigit() for value in values)
    return {str(number): name for number, name in enumerate(config.labels or ()) if are_numbers}


def named(names: Mapping[str, str], given: Mapping[str, str]) -> str:
    """``data.labels`` with more names than the recipe gives."""
    return as_override("data.labels", {**given, **names})


def one_type(types: Iterable[str]) -> tuple[str, dict[str, str]] | None:
    """Types that are probably one, in words, and what each of them is then called.

    Args:
        types: their names. Which is kept depends on them alone, and so is the same in all splits.
    """
    groups = twins(types)
    if not groups:
        return None
    kept: dict[str, str] = {}
    for name in {name for same in groups for name in same}:
        kept[name] = name
        while others := [one for same in groups if kept[name] in same for one in same
                         if _plainness(one) < _plainness(kept[name])]:  # fmt: skip
            kept[name] = min(others, key=_plainness)
    listed = "; ".join(f"types {_and(same)} are {_NUMBERS.get(len(same), 'several')} types"
                       for same in groups)  # fmt: skip
    return listed, {name: other for name, other in sorted(kept.items()) if name != other}


def doubts(types: Iterable[str], tags: Counter[str], given: Mapping[str, str]) -> list[str]:
    """Lines for a person about the types and tags of a split.

    Args:
        types: of its entities, under the names that they train by.
        tags: number of words by tag; none where spans are given.
        given: ``data.labels`` as a map.
    """
    lines, names = [], dict[str, str]()
    if found := one_type(types):
        names = {value: found[1].get(name, name) for value, name in given.items()} | found[1]
        lines.append(f"{found[0]}; if they are one: {named(names, given)}")
    if tags and OUTSIDE not in tags:
        tag, number = tags.most_common(1)[0]
        lines.append(
            f"no word has the tag {OUTSIDE}, so every word is in an entity; the most frequent tag "
            f"is {tag!r} ({number:,} of {tags.total():,} words); if it is for words outside: "
            f"{named({**names, tag: OUTSIDE}, given)}"
        )
    return lines


def _plainness(name: str) -> tuple[bool, bool, str]:
    return name != shape(name), not name.isascii(), name


_NUMBERS = {2: "two", 3: "three"}


def _and(names: list[str]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} and {names[-1]!r}"
