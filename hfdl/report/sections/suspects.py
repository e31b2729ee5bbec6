"""Examples whose label is probably wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hfdl.report import wording
from hfdl.report.guess import MULTI, SINGLE
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, group, render, where
from hfdl.report.suspects import Suspect, suspects

if TYPE_CHECKING:
    from markupsafe import Markup

MOST = 20


def build(record: RunRecord) -> Section | None:
    """The part of the page with suspicious labels, for tasks whose labels have probabilities."""
    if record.problem_type not in (SINGLE, MULTI):
        return None
    of_splits = {split: record.on(split) for split in record.splits}
    judged = {"train": record.out_of_fold, **of_splits}
    parts = [
        {"split": split, "count": len(rows), "html": _render(record, rows)}
        for split, rows in judged.items()
        if any(row.get("scores") for row in rows)
    ]
    if not parts:
        return None
    html = render("suspects.html", parts=parts, trained=not record.out_of_fold)
    return Section("mislabelled", "Probably mislabelled", html)


def _render(record: RunRecord, rows: list[Record]) -> Markup:
    found = suspects(rows, record.labels)
    sure = sum(one.confident for one in found)
    shown = [_example(one) for one in found[:MOST]]
    listed = group("", shown, len(found), "example", " with another label likelier")
    return render("suspect_list.html", groups=[listed], sure=sure, total=len(rows))


def _example(one: Suspect) -> Record:
    row = one.row
    several = isinstance(row["label"], list)
    return {
        "texts": [str(row[key]) for key in ("text", "text_pair") if row.get(key) is not None],
        "where": where(row),
        "label": [str(name) for name in row["label"]] if several else [one.given],
        "better": _better(one) if several else one.better,
        "verdict": f"the model gives {'that' if several else 'the given label'} "
        f"{wording.percent(one.probability)}, the other {wording.percent(_other(one))}",
    }


def _better(one: Suspect) -> str:
    return f"without {one.given}" if one.given in one.row["label"] else f"with {one.given}"


def _other(one: Suspect) -> float:
    """The probability that speaks against the label."""
    return one.probability - one.margin
