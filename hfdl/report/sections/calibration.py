"""Calibration: whether predictions with a score of 90 % are right nine times in ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hfdl.report import counts, plots
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render
from hfdl.report.sections.headline import SINGLE

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Calibration:
    """How the scores of the predictions relate to how often they are right."""

    bins: list[counts.Bin]
    error: float
    confidence: float
    accuracy: float


def build(record: RunRecord) -> Section | None:
    """The part of the page on calibration, for tasks with one label an example."""
    if record.problem_type != SINGLE:
        return None
    return by_split(record, "calibration", "Calibration", _render)


def calibrate(rows: list[Record]) -> Calibration | None:
    """Calibration over predictions that have a score; None where none has."""
    scored = [row for row in rows if row.get("score") is not None]
    if not scored:
        return None
    scores = np.array([row["score"] for row in scored], dtype=float)
    correct = np.array([counts.is_right(row) for row in scored])
    bins = counts.reliability(scores, correct)
    return Calibration(
        bins=bins,
        error=counts.calibration_error(bins),
        confidence=float(scores.mean()),
        accuracy=float(correct.mean()),
    )


def _render(record: RunRecord, split: str, rows: list[Record]) -> Markup | None:
    calibration = calibrate(rows)
    if calibration is None:
        return None
    picture = plots.reliability_chart(f"reliability-{split}", calibration.bins)
    return render("calibration.html", calibration=calibration, picture=picture)
