"""Language models: how what they write changes while they learn, and texts to read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hfdl.report import wording
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, render

if TYPE_CHECKING:
    from markupsafe import Markup

STAGES = 6
"""Stages of training of which a prompt's texts are shown at most, the first and the last too."""
WORST = 10
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
    parts = []
    for split in record.splits:
        # A text is its own answer: these rows have no label.
        rows = [row for row in record.predictions if row.get("split") == split and "loss" in row]
        if rows:
            parts.append({"split": split, "count": len(rows), "html": _examples(rows)})
    return Section("examples", "Examples to read", render("splits.html", parts=parts)) \
        if parts else None  # fmt: skip


def _examples(rows: list[Record]) -> Markup:
    scored = [row for row in rows if math.isfinite(_loss(row)) and row.get("tokens")]
    worst = sorted(scored, key=lambda row: (-_loss(row), row.get("index", 0)))[:WORST]
    groups = [
        _group("Texts the model expected least", worst, len(rows)),
        _group("A sample", rows[:: math.ceil(len(rows) / SAMPLE)], len(rows)),
    ]
    return render("texts.html", groups=[group for group in groups if group["examples"]])


def _group(title: str, rows: list[Record], total: int) -> dict[str, Any]:
    return {
        "title": title,
        "of": wording.plural(total, "example"),
        "total": total,
        "examples": [_example(row) for row in rows],
    }


def _example(row: Record) -> dict[str, Any]:
    loss = _loss(row)
    return {
        "text": str(row.get("text") or ""),
        "pairs": [
            (str(pair.get("target")), str(pair.get("prediction"))) for pair in asked_tokens(row)
        ],
        "where": str(row.get("where") or f"{row.get('split')} example {row.get('index')}"),
        "verdict": f"perplexity {wording.number(_exp(loss))}, "
        f"{wording.percent(row.get('accuracy'))} of {_tokens(row)} foreseen",
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
