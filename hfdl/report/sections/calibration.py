"""Calibration: whether predictions with a score of 90 % are right nine times in ten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.metrics.calibration import Bin, error_by_chance, expected_calibration_error, reliability
from hfdl.report import counts, plots
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render
from hfdl.report.sections.headline import MULTI, SINGLE
from hfdl.report.wording import percent, plural

if TYPE_CHECKING:
    from markupsafe import Markup

FIGURES = {"nll": "Log loss", "brier": "Brier score", "ece": "Calibration error"}
MISJUDGED = 3.0
"""Standard errors that the mean score may be off the share that is right."""
LEAST = 0.03


@dataclass(frozen=True)
class Calibration:
    """How the scores of the predictions relate to how often they are right.

    Args:
        bins: predictions of like scores.
        error: the expected calibration error.
        by_chance: what a perfectly calibrated model would show on as many.
        confidence: the mean score.
        accuracy: the share that is right.
        gap: confidence - accuracy in its standard errors.
    """

    bins: list[Bin]
    error: float
    by_chance: float
    confidence: float
    accuracy: float
    gap: float

    @property
    def is_misjudged(self) -> bool:
        """Whether the scores are clearly too high or too low on the whole."""
        return abs(self.gap) > MISJUDGED and abs(self.confidence - self.accuracy) > LEAST


def build(record: RunRecord) -> Section | None:
    """The part of the page on calibration, for texts with labels, and what hfdl calibrate did."""
    section = None
    if record.problem_type in (SINGLE, MULTI):
        section = by_split(record, "calibration", "Calibration", _render)
    if not record.calibration:
        return section
    done = render("calibrated.html", **what_was_done(record.calibration))
    html = done if section is None else done + section.html
    return Section("calibration", "Calibration", html)


def calibrate(rows: list[Record]) -> Calibration | None:
    """Calibration over predictions that have a score; None where none has.

    Where a text may have several labels each of them is a prediction by itself.
    """
    pairs = [pair for row in rows for pair in _said(row)]
    if not pairs:
        return None
    scores, correct = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    gaps = scores - correct
    spread = float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else 0.0
    return Calibration(
        bins=reliability(scores, correct),
        error=expected_calibration_error(scores, correct),
        by_chance=error_by_chance(scores),
        confidence=float(scores.mean()),
        accuracy=float(correct.mean()),
        gap=float(gaps.mean()) / spread if spread else 0.0,
    )


def _said(row: Record) -> list[tuple[float, bool]]:
    """The scores of a prediction that say something, each with whether it is so."""
    scores = row.get("scores")
    if isinstance(row["label"], list) and isinstance(scores, dict):
        return [(s, name in row["label"]) for name, s in scores.items() if s is not None]
    score = row.get("score")
    return (
        [] if score is None or isinstance(row["label"], list) else [(score, counts.is_right(row))]
    )


def misjudged(record: RunRecord) -> str | None:
    """How the scores of a run are too high or too low where chance does not explain it; else None.

    The terminal, the page and the card have it from here: on the first split that shows it.
    """
    if record.problem_type not in (SINGLE, MULTI):
        return None
    for split in record.splits:
        found = calibrate(record.on(split))
        if found is not None and found.is_misjudged:
            right = "of the labels true" if record.problem_type == MULTI else "right"
            return (
                f"the scores are too {'high' if found.gap > 0 else 'low'}: "
                f"{percent(found.confidence)} on average, with {percent(found.accuracy)} {right} "
                f"({split})"
            )
    return None


def advice(record: RunRecord) -> str | None:
    """A line where the scores are clearly no probabilities, and could be; else None."""
    return None if record.calibration else misjudged(record)


def _render(record: RunRecord, split: str, rows: list[Record]) -> Markup | None:
    calibration = calibrate(rows)
    if calibration is None:
        return None
    picture = plots.reliability_chart(f"reliability-{split}", calibration.bins)
    return render(
        "calibration.html",
        calibration=calibration,
        rows=[(one, counts.wilson(one.right, one.count)) for one in calibration.bins],
        several=record.problem_type == MULTI,
        offered=not record.calibration,
        picture=picture,
    )


def what_was_done(saved: Record) -> dict[str, Any]:
    """What calibration.json says, for the page and the card."""
    splits = saved.get("splits") or {}
    rows = [
        {"name": f"{FIGURES[name]}, {split}", **_row(one["figures"][name])}
        for split, one in splits.items()
        for name in FIGURES
        if name in (one.get("figures") or {})
    ]
    changed = {s: n for s, n in (saved.get("changed_answers") or {}).items() if n}
    is_better = saved.get("verdict") == "better"
    return {
        "temperature": f"T = {saved.get('temperature') or math.nan:.4g}",
        "how": "its last layer was divided by that temperature, which was fitted on the "
        "validation split. "
        + ("The log loss became less, and its interval is below 0." if is_better
           else "No gain in log loss could be told from chance."),
        "rows": rows,
        "changed": [
            f"{plural(n, 'answer')} on {split} became another one: of long texts, whose windows' "
            "scores are averaged."
            for split, n in changed.items()
        ],
    }  # fmt: skip


def _row(change: Record) -> dict[str, str]:
    low, high = change.get("low"), change.get("high")
    return {
        "before": f"{change['before']:.4f}",
        "after": f"{change['after']:.4f}",
        "ends": "–" if low is None or high is None else f"{low:+.4f} to {high:+.4f}",
    }
