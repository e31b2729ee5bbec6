"""The charts of a comparison: figures with their intervals, and the curves of all runs in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.report import wording
from hfdl.report.compared.members import Member
from hfdl.report.compared.standings import Table
from hfdl.report.plots import by_update, curve, smooth, thin
from hfdl.report.svg import ACCENT, INK, MUTED, SERIES, chart

if TYPE_CHECKING:
    from markupsafe import Markup

MOST = len(SERIES)
"""Runs whose curves are drawn: of more they could not be told apart."""
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
"""A line of its own for each: colours alone do not tell them apart for everyone."""


def standings_chart(table: Table) -> Markup:
    """A dot for each run, with its 95 % interval, the best on top."""
    rows = table.rows
    name = wording.metric_name(table.metric)
    best = f"{rows[0].member.name} is first with {wording.figure(table.metric, rows[0].value)}."
    with chart(f"standings-{table.split}", f"{name} on {table.split} of each run", best) as drawn:
        axes = drawn.axes
        drawn.figure.set_size_inches(4.6, 0.9 + 0.3 * len(rows))
        for place, row in enumerate(rows):
            if row.interval is not None:
                axes.plot(row.interval, [place, place], color=ACCENT, linewidth=2, alpha=0.6)
            axes.plot([row.value], [place], "o", color=ACCENT, markersize=5.5)
        names = [wording.clip(row.member.name, 28) for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.08)
        if wording.is_share(table.metric):
            axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    return drawn.svg


def loss_chart(members: Sequence[Member]) -> Markup | None:
    """The training loss of each run, smoothed; of a group that of its first seed."""
    curves = []
    for one in members[:MOST]:
        steps, losses = curve(_updates(one), "loss")
        curves.append((steps, smooth(losses)))
    return _overlaid("losses", "Training loss, smoothed, by update", members, curves, "")


def metric_chart(members: Sequence[Member], metric: str) -> Markup | None:
    """The metric on validation at each evaluation; of a group that of its first seed."""
    curves = []
    for one in members[:MOST]:
        found = [e for e in one.first.events_of("evaluation") if e["split"] == "validation"]
        curves.append(curve([{"step": e["step"], **e["metrics"]} for e in found], metric))
    description = f"{wording.metric_name(metric)} on validation by update"
    return _overlaid("metrics", description, members, curves, metric)


def _overlaid(
    name: str,
    description: str,
    members: Sequence[Member],
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    metric: str,
) -> Markup | None:
    if not any(len(steps) for steps, _ in curves):
        return None
    with chart(name, description, _ends(members, curves, metric)) as drawn:
        drawn.figure.set_size_inches(4.6, 2.9 + 0.16 * ((len(curves) + 1) // 2))
        for place, (one, (steps, values)) in enumerate(zip(members, curves, strict=False)):
            if len(steps):
                kept = thin(values)
                look: dict[str, Any] = {"color": SERIES[place], "linewidth": 1.6}
                look["marker"] = "o" if len(kept) == 1 else None
                drawn.axes.plot(
                    steps[kept], values[kept], linestyle=STYLES[place],
                    label=wording.clip(one.name, 24), **look,
                )  # fmt: skip
        by_update(drawn.axes)
        drawn.axes.tick_params(labelcolor=MUTED)
        if wording.is_share(metric):
            drawn.axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
        drawn.figure.legend(loc="outside upper left", ncols=2, borderaxespad=0.1, handlelength=3)
    return drawn.svg


def _ends(
    members: Sequence[Member], curves: Sequence[tuple[np.ndarray, np.ndarray]], metric: str
) -> str:
    """Where each curve ends, in words."""
    said = [
        f"{one.name}: {wording.figure(metric, float(values[-1]))}"
        for one, (_, values) in zip(members, curves, strict=False)
        if len(values)
    ]
    return f"At the end, {'; '.join(said)}."


def _updates(member: Member) -> list[dict[str, Any]]:
    """A later record of the same update is the one that counts."""
    return list({event["step"]: event for event in member.first.events_of("update")}.values())
