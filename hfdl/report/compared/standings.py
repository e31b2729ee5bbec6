"""Who is ahead, by how much, and whether the figures can tell: the table of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.report.compared.members import Member
from hfdl.report.compared.paired import ends, resampled
from hfdl.report.intervals import interval_of
from hfdl.report.record import Record, RunRecord
from hfdl.report.sections.headline import best_metric

Ends = tuple[float, float]


@dataclass(frozen=True)
class Standing:
    """One member on one split.

    Args:
        member: the run or group.
        value: of the metric, the mean over a group's seeds.
        interval: 95 %, of this figure alone; None where there is none.
        behind: the best figure less this one; None of the best, and where the two cannot be
            compared.
        behind_interval: 95 %, of that difference.
    """

    member: Member
    value: float
    interval: Ends | None = None
    behind: float | None = None
    behind_interval: Ends | None = None

    @property
    def told_apart(self) -> bool:
        """Whether the best is better than this one beyond chance."""
        return self.behind_interval is not None and not _holds_zero(self.behind_interval)


@dataclass(frozen=True)
class Table:
    """The members on one split, the best first.

    Args:
        split, metric: what the figures are of.
        rows: of all members that were measured on it.
        same: whether all were measured on the same examples.
        why: where no difference is shown, the reason.
    """

    split: str
    metric: str
    rows: list[Standing]
    same: bool
    why: str | None = None

    @property
    def has_winner(self) -> bool:
        """Whether the first is better than each other beyond chance."""
        return len(self.rows) > 1 and all(one.told_apart for one in self.rows[1:])


def tables(members: Sequence[Member]) -> list[Table]:
    """A table for each split that several members, or the only one, were measured on."""
    metric = metric_of(members)
    if metric is None:
        return []
    found = []
    for split in ("test", "validation"):
        measured = [one for one in members if one.values(split, metric)]
        if measured and len(measured) >= min(2, len(members)):
            found.append(_table(measured, split, metric))
    return found


def metric_of(members: Sequence[Member]) -> str | None:
    """What the first member is judged by, if all have it; else the first metric that all have."""
    named = [
        {name for split in record.splits for name in record.metrics[split] if "/" not in name}
        for one in members
        for record in one.records
    ]
    shared = set.intersection(*named)
    best = best_metric(members[0].first)
    return best if best in shared else next(iter(sorted(shared)), None)


def same_examples(members: Sequence[Member], split: str) -> bool:
    """Whether all members were measured on the same examples, in the same order."""
    seen = [_examples(record, split) for one in members for record in one.records]
    return all(one == seen[0] and one for one in seen)


def _table(members: Sequence[Member], split: str, metric: str) -> Table:
    spec = members[0].first.spec
    sign = -1.0 if metric == "loss" or metric in spec.smaller_is_better else 1.0
    ordered = sorted(members, key=lambda one: -sign * (one.mean(split, metric) or 0.0))
    same = same_examples(ordered, split)
    drawn = resampled(ordered, split, metric) if same else None
    rows = []
    for at, one in enumerate(ordered):
        interval = _own_interval(one, split, metric, None if drawn is None else drawn[at])
        behind = _behind(ordered, at, split, metric, sign, drawn)
        rows.append(Standing(one, one.mean(split, metric) or 0.0, interval, *behind))
    return Table(split, metric, rows, same, _why(same, drawn, ordered))


def _own_interval(member: Member, split: str, metric: str, drawn: np.ndarray | None) -> Ends | None:
    """Of one run as its own report has it; else of its examples, drawn again."""
    if len(member.records) == 1 and (own := interval_of(member.first, split, metric)):
        return own
    alone = resampled([member], split, metric) if drawn is None else [drawn]
    return ends(alone[0]) if alone else None


def _behind(
    ordered: Sequence[Member],
    at: int,
    split: str,
    metric: str,
    sign: float,
    drawn: list[np.ndarray] | None,
) -> tuple[float | None, Ends | None]:
    if at == 0 or drawn is None:
        return None, None
    best, own = ordered[0].mean(split, metric), ordered[at].mean(split, metric)
    difference = sign * ((best or 0.0) - (own or 0.0))
    return difference, ends(sign * (drawn[0] - drawn[at]))


def _why(same: bool, drawn: list[np.ndarray] | None, members: Sequence[Member]) -> str | None:
    if len(members) < 2:
        return None
    if not same:
        return (
            "they were measured on different examples, so that a difference of these figures says "
            "little about the models"
        )
    if drawn is None:
        return "this metric has no interval that could be made of the saved predictions"
    return None


def _holds_zero(interval: Ends) -> bool:
    return interval[0] <= 0.0 <= interval[1]


def _examples(record: RunRecord, split: str) -> list[tuple[str, str, str]]:
    rows = [row for row in record.predictions if row.get("split") == split]
    return [_example(row) for row in rows]


def _example(row: Record) -> tuple[str, str, str]:
    answer = row.get("true_entities", row.get("label"))
    return str(row.get("text")), str(row.get("text_pair")), str(answer)
