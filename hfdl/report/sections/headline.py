"""The headline: the main metric with its interval, all metrics, time and memory."""

from __future__ import annotations

from typing import Any

from hfdl.report import wording
from hfdl.report.guess import MULTI, SINGLE, guesses
from hfdl.report.intervals import interval_of
from hfdl.report.record import RunRecord
from hfdl.report.section import Section, render

AVERAGES = {
    SINGLE: "Precision, recall and F1 are macro averages: each label counts alike.",
    MULTI: "Accuracy: all labels of the text right. Precision, recall and F1 are micro averages: "
    "each label of each text counts alike.",
}
"""How ``hfdl.metrics`` averages over labels, in words."""

_STRIDED = "Strided perplexity predicts each token from a longer text, as its windows overlap."


def build(record: RunRecord) -> Section:
    """The part of the page with the figures."""
    metric = best_metric(record)
    columns = [*record.splits, *(["train"] if record.metrics.get("train") else [])]
    html = render(
        "figures.html",
        headlines=[_headline(record, split, metric) for split in record.splits if metric],
        tiles=_tiles(record),
        columns=columns,
        rows=metric_rows(record, columns),
        meaning=meaning(record),
        single=record.problem_type == SINGLE,
        **_baseline(record),
    )
    return Section("figures", "Figures", html)


def _baseline(record: RunRecord) -> dict[str, Any]:
    """The guess on the split that tells most, its figures as they are written, and the marks of
    the guess on every split."""
    every = guesses(record)
    marks = {(guess.split, guess.metric): guess.value for guess in every}
    if not every:
        return {"baseline": None, "marks": marks}
    guess = every[0]
    return {
        "marks": marks,
        "baseline": guess,
        "baseline_metric": wording.metric_name(guess.metric),
        "baseline_value": wording.figure(guess.metric, guess.value),
        "baseline_reached": wording.figure(guess.metric, guess.reached),
    }


def _headline(record: RunRecord, split: str, metric: str) -> dict[str, Any]:
    """The metric that picked the best weights, on one split."""
    return {
        "split": split,
        "metric": metric,
        "name": wording.metric_name(metric),
        "examples": record.examples(split),
        **_cell(record, split, metric),
    }


def meaning(record: RunRecord) -> str | None:
    """An explanation of the figures, where their names do not suffice."""
    if record.spec.meaning is not None:
        strided = any("strided_perplexity" in record.metrics[split] for split in record.splits)
        said = record.spec.meaning.format(signature=_signature(record))
        return " ".join([said, *([_STRIDED] if strided else [])])
    return AVERAGES.get(record.problem_type or "")


def _signature(record: RunRecord) -> str:
    """The version of sacrebleu that BLEU is by, where the run says it."""
    signature = (record.metrics.get("signatures") or {}).get("bleu")
    return f", by sacrebleu ({signature})" if signature else ""


def best_metric(record: RunRecord) -> str | None:
    """The metric that the run is judged by: the one that picked the weights, else the first.

    A loss is shown as its perplexity, which orders models alike and is easier to interpret.
    """
    named = (record.metrics.get("best") or {}).get("metric")
    measured = {name for split in record.splits for name in record.metrics[split]}
    if named == "loss" and "perplexity" in measured:
        return "perplexity"
    return named if named in measured else next(iter(sorted(measured)), None)


def metric_rows(record: RunRecord, columns: list[str]) -> list[dict[str, Any]]:
    """The table of metrics: a row's name, and in each column its value and interval.

    Details (``person/f1``) stand elsewhere.
    """
    names = dict.fromkeys(name for column in columns for name in record.metrics[column])
    return [
        {
            "name": wording.metric_name(name),
            "cells": [_cell(record, column, name) for column in columns],
        }
        for name in names
        if "/" not in name
    ]


def _cell(record: RunRecord, column: str, metric: str) -> dict[str, Any]:
    """A metric on a split, with its 95 % interval where there is one."""
    value = wording.figure(metric, record.metrics[column].get(metric))
    return {"value": value, "interval": interval_of(record, column, metric)}


def _tiles(record: RunRecord) -> list[tuple[str, str]]:
    runtime, plan = record.metrics.get("runtime") or {}, record.plan
    best = record.metrics.get("best") or {}
    tiles = [
        ("Training time", runtime.get("seconds"), wording.duration),
        ("Updates", runtime.get("steps"), wording.number),
        ("Best weights at update", best.get("step"), wording.number),
        (
            "Examples per second, with evaluations",
            runtime.get("samples_per_second"),
            wording.number,
        ),
        (
            "Tokens per second, with evaluations",
            runtime.get("tokens_per_second"),
            wording.short_count,
        ),
        ("Peak memory", runtime.get("peak_memory_bytes"), wording.size),
        ("Parameters", plan.get("parameters"), wording.short_count),
        ("Training examples", (plan.get("examples") or {}).get("train"), wording.number),
    ]
    return [(name, show(value)) for name, value, show in tiles if value is not None]
