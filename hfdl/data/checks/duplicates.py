"""Texts that occur more than once: within a split, across splits, and with different labels.

Two texts are the same if they are equal after ``normalise``: case and white space do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

PLACES = 5
"""The most places that a finding names."""


@dataclass(frozen=True)
class Finding:
    """How often something occurs, and where first.

    Args:
        count: number of rows.
        places: the first ``PLACES`` of them, in words.
    """

    count: int = 0
    places: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, places: Sequence[str]) -> Finding:
        """The finding with all of these places."""
        return cls(len(places), list(places[:PLACES]))

    @property
    def rows(self) -> str:
        """How many in words: ``2 rows``."""
        return count(self.count, "row")

    @property
    def first(self) -> str:
        """The first place in words."""
        return f"first: {self.places[0]}"


def count(number: int, noun: str) -> str:
    """``1 text``, ``2 texts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True)
class Entry:
    """One row, as far as duplicates are concerned.

    Args:
        key: the normalised text (with its pair); empty texts have no entry.
        label: the label as text; None where it is not known.
        place: where the row is, in words.
    """

    key: str
    label: str | None
    place: str


def normalise(text: str) -> str:
    """The text with white space runs as one blank and case folded."""
    return " ".join(text.split()).casefold()


def repeated(entries: Sequence[Entry]) -> Finding:
    """Rows that repeat an earlier row of the same split."""
    first: dict[str, str] = {}
    places: list[str] = []
    for entry in entries:
        if entry.key in first:
            places.append(f"{entry.place} = {first[entry.key]}")
        else:
            first[entry.key] = entry.place
    return Finding.of(places)


def overlaps(splits: Mapping[str, Sequence[Entry]]) -> dict[str, Finding]:
    """For each pair of splits, in their order: rows of the later one that the earlier one has.

    Returns:
        findings by ``"train/validation"`` and so on.
    """
    found: dict[str, Finding] = {}
    for earlier, later in combinations(splits, 2):
        first = {entry.key: entry.place for entry in reversed(splits[earlier])}
        places = [f"{e.place} = {first[e.key]}" for e in splits[later] if e.key in first]
        found[f"{earlier}/{later}"] = Finding.of(places)
    return found


def conflicts(splits: Mapping[str, Sequence[Entry]]) -> Finding:
    """Texts that have two different labels, over all splits; each text counts once."""
    first: dict[str, Entry] = {}
    places: dict[str, str] = {}
    for entry in chain.from_iterable(splits.values()):
        if entry.label is None:
            continue
        other = first.setdefault(entry.key, entry)
        if other.label != entry.label:
            place = f"{entry.place} ({entry.label}) = {other.place} ({other.label})"
            places.setdefault(entry.key, place)
    return Finding.of(list(places.values()))
