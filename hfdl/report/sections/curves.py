"""Training curves: losses, the metric at each evaluation, learning rate, speed and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hfdl.report import plots, speed
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, render
from hfdl.report.sections.headline import best_metric
from hfdl.report.wording import metric_name

if TYPE_CHECKING:
    from markupsafe import Markup


def build(record: RunRecord) -> Section | None:
    """The part of the page with the curves; None where the log has no update."""
    # A later record of the same update is the one that counts.
    updates = list({e["step"]: e for e in record.events_of("update")}.values())
    evaluations = [e for e in record.events_of("evaluation") if e["split"] == "validation"]
    if not updates:
        return None
    charts = [("Loss", plots.loss_chart(updates, evaluations))]
    charts += _metric(record, evaluations)
    for key, title in (("learning_rate", "Learning rate"), ("grad_norm", "Gradient norm")):
        if any(update.get(key) is not None for update in updates):
            charts.append((title, plots.update_chart(updates, key, title)))
    charts += _machine(updates, record)
    return Section("training", "Training", render("charts.html", charts=charts))


def _metric(record: RunRecord, evaluations: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    metric = best_metric(record)
    if metric in (None, "loss") or not any(metric in e["metrics"] for e in evaluations):
        return []
    best = (record.metrics.get("best") or {}).get("step", -1)
    return [
        (f"{metric_name(metric)} on validation", plots.metric_chart(evaluations, metric, best)),
    ]


def _machine(updates: list[Record], record: RunRecord) -> list[tuple[str, Markup]]:
    charts = []
    other = [e["step"] for kind in ("evaluation", "checkpoint") for e in record.events_of(kind)]
    steps, per_second = speed.rates(updates, other)
    if len(steps):
        drawn = speed.speed_chart(steps, per_second)
        charts.append(("Tokens per second, without evaluations", drawn))
    if (memory := speed.memory_chart(updates)) is not None:
        charts.append(("Most memory held so far", memory))
    return charts
