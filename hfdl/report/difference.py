"""The page of ``hfdl diff``: two models on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.report import wording
from hfdl.report.page import write_text
from hfdl.report.section import render
from hfdl.report.svg import ACCENT, INK, MUTED, chart

SHOWN = 50
"""Flips of either kind that the page carries; files have them all."""


def write_difference(path: Path, found: Mapping[str, Any]) -> Path:
    """Write the page of a comparison and say where it is.

    Args:
        path: the file.
        found: what ``Difference.page`` gives.
    """
    return write_text(path, difference_html(found))


def difference_html(found: Mapping[str, Any]) -> str:
    """The page of a comparison: effects, slices and the examples that flipped."""
    groups = [
        {"title": rows[0]["kind"], "total": len(rows), "rows": [_flip(row) for row in rows[:SHOWN]]}
        for rows in (found["lost"], found["won"])
        if rows
    ]
    return render(
        "difference.html",
        found=found,
        task=wording.task_name(found["task"]),
        metric=wording.metric_name(found["metric"]),
        effects=[(wording.metric_name(n), e) for n, e in found["effects"].items()],
        groups=groups,
        picture=_slice_chart(found) if found["slices"] else None,
    )


def _flip(row: Mapping[str, Any]) -> dict[str, Any]:
    sides = [(name.upper(), _words(row[name].get("prediction")), row[name]) for name in ("a", "b")]
    return {
        "label": _words(row.get("label")),
        "texts": [str(row[key]) for key in ("text", "text_pair") if row.get(key) is not None],
        "where": row.get("where"),
        "sides": [
            {"name": name, "said": said, "figures": _figures(side)} for name, said, side in sides
        ],
    }


def _figures(side: Mapping[str, Any]) -> str:
    score, loss = side.get("score"), side.get("loss")
    parts = [] if not isinstance(score, float) else [f"score {score:.3f}"]
    return ", ".join([*parts, *([f"loss {loss:.3f}"] if isinstance(loss, float) else [])])


def _words(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return None if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _slice_chart(found: Mapping[str, Any]) -> Any:
    """The difference on each slice, with its interval."""
    rows = found["slices"][:20]
    with chart("slices", "B minus A on each slice, with 95 % intervals") as drawn:
        axes = drawn.axes
        for place, row in enumerate(rows):
            if row["low"] is not None:
                axes.plot([row["low"], row["high"]], [place, place], color=ACCENT, linewidth=1.6)
            axes.plot(row["difference"], place, "o", color=ACCENT, markersize=5)
        axes.axvline(0, color=INK, linewidth=1)
        names = [wording.clip(str(row["name"]), 28) for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"{wording.metric_name(found['metric'])}, B - A", color=MUTED)
    return drawn.svg
