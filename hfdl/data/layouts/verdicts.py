"""What an annotator decided about a row: Prodigy's accept, reject and ignore."""

from __future__ import annotations

from collections import Counter

from hfdl.data.table import Table, counted
from hfdl.errors import DataError

ANSWER = "answer"
"""Prodigy's column of verdicts."""

_VERDICTS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}


def is_judged(table: Table) -> bool:
    """Whether the column ``answer`` holds Prodigy's verdicts and nothing else."""
    given = [value for value in table.columns.get(ANSWER, ()) if value not in (None, "")]
    if not given or not all(isinstance(value, str) for value in given):
        return False
    return all(value.casefold() in _VERDICTS for value in given)


def accepted(table: Table) -> Table:
    """The rows that were accepted, and those without a verdict; the others are counted.

    Raises:
        DataError: no row is left.
    """
    verdicts = [(value or "accept").casefold() for value in table.columns[ANSWER]]
    kept = [row for row, value in enumerate(verdicts) if value == "accept"]
    if len(kept) == len(table):
        return table
    counts = Counter(value for value in verdicts if value != "accept")
    parts = [f"{counts[value]:,} {word}" for value, word in _VERDICTS.items() if counts[value]]
    if not kept:
        raise DataError(
            f"every row is left out: {', '.join(parts)}",
            where=table.source,
            rule=f"column {ANSWER!r} holds Prodigy's verdicts, and only accepted rows are read",
            remedy="accept some rows, or remove the column",
        )
    left = counted(len(table) - len(kept), "row")
    return table.select(kept).noted(f"{left} left out: {', '.join(parts)} (column {ANSWER!r})")
