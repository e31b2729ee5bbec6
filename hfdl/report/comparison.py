"""``compare.html``: models of the same task side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hfdl.report import wording
from hfdl.report.page import write_text
from hfdl.report.section import render
from hfdl.report.svg import ACCENT, INK, MUTED, WARM, chart

if TYPE_CHECKING:
    from markupsafe import Markup

SPLITS = ("test", "validation")


def write_comparison(path: Path, table: Mapping[str, Any]) -> Path:
    """Write the page of a comparison and say where it is.

    Args:
        path: the file.
        table: the contents of table.json.
    """
    return write_text(path, comparison_html(table))


def comparison_html(table: Mapping[str, Any]) -> str:
    """The page of a comparison: a chart of the scores, one of the times, and the table."""
    rows = table["rows"]
    metric = rows[0]["metric"]
    splits = [split for split in SPLITS if all(split in row["mean"] for row in rows)]
    return render(
        "compare.html",
        name=table["comparison"],
        metric=wording.metric_name(metric),
        seeds=table["seeds"],
        examples=[f"{split} {count:,}" for split, count in table["examples"].items()],
        machine=machine_text(table["machine"]),
        splits=splits,
        scores=score_chart(rows, metric, splits[0]) if splits else None,
        split=splits[0] if splits else None,
        times=time_chart(rows),
        guess=_guess(table.get("guesses") or {}, metric, splits),
        rows=[_row(row, metric, splits) for row in rows],
    )


def machine_text(machine: Mapping[str, Any]) -> str:
    """What the times are of: processor, threads, precision, version of torch."""
    threads = wording.plural(machine["threads"], "thread")
    named = machine.get("cpu") if machine["device"] == "cpu" else machine["device"]
    precision = machine["precision"].replace(", ", " and ")
    return f"{named or 'cpu'}, {threads}, {precision}, torch {machine['torch']}"


def score_chart(rows: Sequence[Mapping[str, Any]], metric: str, split: str) -> Markup:
    """A bar for each model, the oldest on top, with its standard deviation over the seeds."""
    means = [row["mean"][split] for row in rows]
    spreads = [row["sd"][split] or 0.0 for row in rows]
    description = f"{wording.metric_name(metric)} on {split} of each model"
    with chart("scores", description) as drawn:
        axes = drawn.axes
        places = range(len(rows))
        axes.barh(places, means, xerr=spreads if any(spreads) else None, color=ACCENT, alpha=0.75,
                  height=0.65, ecolor=INK)  # fmt: skip
        for place, (mean, sd) in enumerate(zip(means, spreads, strict=True)):
            axes.annotate(
                wording.figure(metric, mean), (mean + sd, place), xytext=(4, 0),
                textcoords="offset points", va="center", color=INK,
            )  # fmt: skip
        _name_rows(axes, rows)
        axes.margins(x=0.18)
        axes.set_xlabel(f"{wording.metric_name(metric)}, {split}")
        if wording.is_share(metric):
            axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    return drawn.svg


def time_chart(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """How long each model was trained, on a scale of powers of ten."""
    seconds = [max(row["seconds"], 1e-3) for row in rows]
    with chart("times", "Seconds of training of each model") as drawn:
        axes = drawn.axes
        axes.plot(seconds, range(len(rows)), "o", color=WARM, markersize=6)
        for place, value in enumerate(seconds):
            axes.annotate(
                wording.duration(value), (value, place), xytext=(7, 0), textcoords="offset points",
                va="center", color=MUTED,
            )  # fmt: skip
        axes.set_xscale("log")
        # Plain numbers: powers of ten would be formulas, which are off in these charts.
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.margins(x=0.25)
        _name_rows(axes, rows)
        axes.set_xlabel("seconds of training")
    return drawn.svg


def _name_rows(axes: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    axes.set_yticks(range(len(rows)), [row["title"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
    axes.grid(visible=False, axis="y")


def _guess(guesses: Mapping[str, Any], metric: str, splits: Sequence[str]) -> dict[str, Any] | None:
    """The row of a model that knows nothing, as it is written; None where there is no such."""
    if not any(split in guesses for split in splits):
        return None
    values = [guesses.get(split, {}).get("value") for split in splits]
    answers = dict.fromkeys(guesses[split]["answer"] for split in splits if split in guesses)
    return {
        "answer": " or ".join(answers),
        "scores": [wording.figure(metric, value) for value in values],
    }


def _row(row: Mapping[str, Any], metric: str, splits: Sequence[str]) -> dict[str, Any]:
    """A row as it is written."""
    scores = []
    for split in splits:
        sd = row["sd"][split]
        spread = "" if sd is None else f" ± {wording.figure(metric, sd)}"
        scores.append(wording.figure(metric, row["mean"][split]) + spread)
    return {
        "title": row["title"],
        "reports": [f"{quote(run)}/report.html" for run in row.get("runs") or []],
        "model": row["model"],
        "scores": scores,
        "parameters": wording.short_count(row["parameters"]),
        "trained": wording.percent(row["trained"] / row["parameters"]),
        "seconds": wording.duration(row["seconds"]),
        "speed": wording.measured(row["samples_per_second"]),
    }
