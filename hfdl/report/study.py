"""``report.html`` of a study: what was tried, what mattered, and whether it is a gain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hfdl.report import wording
from hfdl.report.page import write_text
from hfdl.report.section import render
from hfdl.report.study_plots import history_chart, importance_chart, parallel_chart

_TONES = {"gain": "good", "worse": "bad"}


def write_study_report(
    path: Path, study: Mapping[str, Any], lines: list[str], logs: list[str]
) -> Path:
    """Write the page of a study and say where it is.

    Args:
        path: the file, in the study's folder.
        study: the contents of study.json.
        lines: the verdict in words, its most telling line first.
        logs: keys that are searched by their logarithm.
    """
    return write_text(path, study_html(study, lines, logs))


def study_html(study: Mapping[str, Any], lines: list[str], logs: list[str]) -> str:
    """The page of a study. Arguments as for ``write_study_report``."""
    trials, metric, larger = study["trials"], study["metric"], study["larger_is_better"]
    complete = [trial for trial in trials if trial["state"] == "complete"]
    best = study["best"]
    verdict = study["verdict"] or {}
    return render(
        "study.html",
        metric=wording.metric_name(metric),
        best=best,
        value=wording.figure(metric, best["value"]),
        settings=[(key, _text(value)) for key, value in best["settings"].items()],
        word=verdict.get("word"),
        tone=_TONES.get(str(verdict.get("word")), ""),
        lines=[_line(line, verdict.get("word")) for line in lines],
        pairs=_pairs(verdict, metric),
        details=_details(study),
        history=history_chart(trials, metric, larger),
        importance=importance_chart(study["importance"]) if study["importance"] else None,
        parallel=parallel_chart(trials, metric, larger, logs, winner=best["number"])
        if len(complete) > 1
        else None,
        keys=list(best["settings"]),
        trials=[_row(trial, study) for trial in trials],
        facts=study["facts"],
        run="best/report.html",
    )


def _line(line: str, word: str | None) -> str:
    """A line of the verdict without the terminal's words, and without the one on the badge."""
    said = line.removeprefix("verdict: ").removeprefix("besides: ")
    said = said.removeprefix(f"{word}: ") if word else said
    return f"{said[:1].upper()}{said[1:]}"


def _details(study: Mapping[str, Any]) -> list[str]:
    states = [trial["state"] for trial in study["trials"]]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    folds = [f"{study['folds']} folds"] if study["folds"] else []
    return [f"sampler {study['sampler']}", f"pruner {study['pruner']}", *folds, f"trials: {counts}"]


def _pairs(verdict: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    """A table for each split: the winner and the default on each pair of seeds."""
    found = []
    for judged in verdict.get("judged", []):
        rows = [
            {
                "seeds": str(seeds[0]) if seeds[0] == seeds[1] else f"{seeds[0]} / {seeds[1]}",
                "best": wording.figure(metric, best),
                "default": wording.figure(metric, default),
                "difference": wording.gain(metric, difference),
            }
            for seeds, best, default, difference in zip(
                verdict["seeds"], judged["best"], judged["default"],
                judged["difference"]["pairs"], strict=True,
            )
        ]  # fmt: skip
        gain = "Gain, points" if wording.is_share(metric) else "Better by"
        found.append({"split": judged["split"], "rows": rows, "gain": gain})
    return found


def _row(trial: Mapping[str, Any], study: Mapping[str, Any]) -> dict[str, Any]:
    value = trial["value"]
    shown = "-" if value is None else wording.figure(study["metric"], value)
    if trial["state"] != "complete":
        shown = trial["state"]
    folder = quote(trial["folder"])
    has_report = trial["state"] == "complete" and study.get("reports") and not study["folds"]
    return {
        "number": trial["number"],
        "link": f"{folder}/report.html" if has_report else f"{folder}/",
        "value": shown,
        "is_best": trial["number"] == study["best"]["number"],
        "settings": [_text(trial["settings"].get(key)) for key in study["best"]["settings"]],
        "seconds": wording.duration(trial["seconds"]),
        "reason": trial["reason"],
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)
