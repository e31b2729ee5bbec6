"""The errors of a regression: predicted against true values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hfdl.report import plots
from hfdl.report.guess import REGRESSION
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render

if TYPE_CHECKING:
    from markupsafe import Markup


def build(record: RunRecord) -> Section | None:
    """The part of the page on a regression's errors."""
    if record.problem_type != REGRESSION:
        return None
    return by_split(record, "errors", "Errors", _render)


def error_figures(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Errors in the label's own unit, beside those of always saying the mean; both (N,)."""
    errors = predicted - true
    return {
        "Mean error (bias)": float(errors.mean()),
        "Mean absolute error": float(np.abs(errors).mean()),
        "Root mean squared error": float(np.sqrt(np.square(errors).mean())),
        "The same of always saying the mean": float(true.std()),
    }


def _render(record: RunRecord, split: str, rows: list[Record]) -> Markup | None:
    true = np.array([row["label"] for row in rows], dtype=float)
    predicted = np.array([row["prediction"] for row in rows], dtype=float)
    finite = np.isfinite(true) & np.isfinite(predicted)
    true, predicted = true[finite], predicted[finite]
    if not len(true):
        return None
    charts = [
        ("Predicted and true", plots.scatter_chart(f"scatter-{split}", true, predicted)),
        ("Errors by prediction", plots.residual_chart(f"residuals-{split}", true, predicted)),
        ("Errors", plots.histogram_chart(f"errors-{split}", predicted - true)),
    ]
    return render("errors.html", charts=charts, figures=error_figures(true, predicted))
