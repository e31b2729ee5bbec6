"""Models that write: samples from training, and held-out texts or translations to read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hfdl.report import wording
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, evenly, group, highest, render, where

if TYPE_CHECKING:
    from markupsafe import Markup

STAGES = 6
"""Stages of training of which a prompt's texts are shown at most, the first and the last too."""
WORST_TEXTS = 10
WORST_TRANSLATIONS = 20
SAMPLE = 10


def build_samples(record: RunRecord) -> Section | None:
    """What the model made of the same prompts, early and late; None where nothing was sampled."""
    # A later record of the same update is the one that counts.
    events = list({event["step"]: event for event in record.events_of("samples")}.values())
    prompts: dict[str, list[dict[str, Any]]] = {}
    for event in spread(events):
        for sample in event.get("samples") or []:
            texts = prompts.setdefault(str(sample.get("prompt") or ""), [])
            texts.append({"step": event["step"], "text": str(sample.get("text") or "")})
    if not prompts:
        return None
    html = render("samples.html", prompts=prompts, shown=len(spread(events)), stages=len(events))
    return Section("samples", "Samples", html)


def spread(events: list[Record]) -> list[Record]:
    """At most ``STAGES`` of some events, evenly spaced, with the first and the last."""
    if len(events) <= STAGES:
        return events
    return [events[round(i * (len(events) - 1) / (STAGES - 1))] for i in range(STAGES)]


def build_examples(record: RunRecord) -> Section | None:
    """Held-out texts: those that the model expected least, and a sample of all."""

    def rows_of(split: str) -> list[Record]:
        # A text is its own answer: these rows have no label.
        return [row for row in record.predictions if row.get("split") == split and "loss" in row]

    return by_split(record, "examples", "Examples to read", _texts, rows_of)


def build_translations(record: RunRecord) -> Section | None:
    """Translations: those furthest from their reference, and a sample of all."""
    return by_split(record, "examples", "Examples to read", _translations)


def _texts(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    scored = [row for row in rows if math.isfinite(_loss(row)) and row.get("tokens")]
    worst = highest(scored, _loss, WORST_TEXTS)
    groups = _groups("Texts the model expected least", worst, rows, _text)
    return render("texts.html", groups=groups)


def _translations(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    scored = [row for row in rows if math.isfinite(_loss(row))]
    worst = highest(scored, _loss, WORST_TRANSLATIONS)
    groups = _groups("References the model expected least", worst, rows, _translation)
    return render("translations.html", groups=groups)


def _groups(
    title: str, worst: list[Record], rows: list[Record], example: Callable[[Record], Record]
) -> list[Record]:
    """The worst rows and a sample of all."""
    groups = [
        group(title, [example(row) for row in worst], len(rows), "example"),
        group("A sample", [example(row) for row in evenly(rows, SAMPLE)], len(rows), "example"),
    ]
    return [one for one in groups if one["examples"]]


def _text(row: Record) -> Record:
    return {
        "text": str(row.get("text") or ""),
        "pairs": [
            (str(pair.get("target")), str(pair.get("prediction"))) for pair in asked_tokens(row)
        ],
        "where": where(row),
        "verdict": f"perplexity {wording.number(_exp(_loss(row)))}, "
        f"{wording.percent(row.get('accuracy'))} of {_tokens(row)} predicted",
    }


def _translation(row: Record) -> Record:
    sides = [("Source", "text"), ("Reference", "label"), ("Prediction", "prediction")]
    return {
        "texts": [(title, str(row[key])) for title, key in sides],
        "where": where(row),
        "verdict": f"loss {wording.number(row.get('loss'))} a token, "
        f"{wording.percent(row.get('accuracy'))} of the reference's tokens predicted",
    }


def asked_tokens(row: Record) -> list[Record]:
    """The ``{"target", "prediction"}`` pairs of a masked language model's prediction."""
    lists = [value for value in row.values() if isinstance(value, list)]
    return [
        pair
        for found in lists
        for pair in found
        if isinstance(pair, dict) and {"target", "prediction"} <= {*pair}
    ]


def _tokens(row: Record) -> str:
    tokens = row.get("tokens")
    return wording.plural(tokens, "token") if isinstance(tokens, int) else "the tokens"


def _loss(row: Record) -> float:
    loss = row.get("loss")
    return math.nan if loss is None else float(loss)


def _exp(loss: float) -> float:
    return math.exp(min(loss, 700.0)) if math.isfinite(loss) else math.nan
