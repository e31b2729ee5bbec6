"""Finding the same examples in two lists of predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hfdl.differences.sides import REMEDY, Side, refuse_other_task
from hfdl.errors import DataError, listed
from hfdl.report.record import Record
from hfdl.training.files import json_text

SHARED = 0.95
"""The share of either side's examples that must be the other's, too."""


@dataclass(frozen=True)
class Pairs:
    """The same examples, as each side has them.

    Args:
        split: which one.
        a, b: N rows of each, in A's order.
        notes: what was left out, as lines for a person.
    """

    split: str
    a: list[Record]
    b: list[Record]
    notes: list[str]


def paired(a: Side, b: Side) -> Pairs:
    """The examples of the first split that both have, test before validation.

    Two rows are of the same example if text and right answer are the same; the n-th of several such
    is the n-th of the others.

    Raises:
        ConfigError: they are of different tasks.
        DataError: they have no split in common, or were measured on different data.
    """
    kinds = [(side.record.task, side.record.problem_type) for side in (a, b)]
    refuse_other_task([a.name, b.name], kinds)
    common = [split for split in a.splits if split in b.splits]
    if not common:
        raise DataError(
            f"A has {listed(a.splits)} and B {listed(b.splits)}",
            where=f"{a.name}, {b.name}",
            rule="two models are compared on a split that both have predictions of",
            remedy=REMEDY,
        )
    found = [_matched(a.rows(split), b.rows(split), split) for split in common]
    for pairs, shared in found:
        if shared >= SHARED:
            return pairs
    pairs, _ = found[0]
    raise DataError(
        f"{len(pairs.a):,} of {len(a.rows(pairs.split)):,} examples of A are among the "
        f"{len(b.rows(pairs.split)):,} of B ({pairs.split})",
        where=f"{a.name}, {b.name}",
        rule="two models are compared on the same texts with the same right answers",
        remedy=REMEDY,
    )


def _matched(a: Sequence[Record], b: Sequence[Record], split: str) -> tuple[Pairs, float]:
    """The rows of the same examples, and the share that they are of the larger side."""
    place = dict(zip(_keys(b), b, strict=True))
    both = [(row, place[key]) for key, row in zip(_keys(a), a, strict=True) if key in place]
    kept = [pair for pair in both if all(_is_finite(row) for row in pair)]
    notes = []
    for name, rows in (("A", a), ("B", b)):
        if alone := len(rows) - len(both):
            notes.append(f"left out: {alone:,} of {len(rows):,} examples that {name} alone has")
    if lost := len(both) - len(kept):
        notes.append(f"left out: {lost:,} whose answers are no finite numbers")
    texts = Counter(json_text(_text(row)) for row, _ in kept)
    if twice := sum(number - 1 for number in texts.values()):
        notes.append(f"{twice:,} of {len(kept):,} texts stand there more than once")
    pairs = Pairs(split, [row for row, _ in kept], [row for _, row in kept], notes)
    return pairs, len(both) / max(len(a), len(b), 1) if kept else 0.0


def _keys(rows: Sequence[Record]) -> list[str]:
    seen: Counter[str] = Counter()
    keys = []
    for row in rows:
        key = json_text([*_text(row), _truth(row)])
        keys.append(f"{key} {seen[key]}")
        seen[key] += 1
    return keys


def _text(row: Record) -> list[Any]:
    return [row.get("text"), row.get("text_pair")]


def _truth(row: Record) -> Any:
    """The right answer, the same in any order of labels and any scheme of tags."""
    if row.get("true_entities") is not None:
        return sorted([one["start"], one["end"], one["label"]] for one in row["true_entities"])
    label = row.get("label")
    return sorted(map(str, label)) if isinstance(label, list) else label


def _is_finite(row: Record) -> bool:
    """Whether what is measured is there: a number that was none is null in a file."""
    return row.get("prediction", "") is not None and row.get("loss", 0.0) is not None
