"""Translations worth reading: the furthest from their reference, and a sample of all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hfdl.report import wording
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render

if TYPE_CHECKING:
    from markupsafe import Markup

WORST = 20
SAMPLE = 10


def build(record: RunRecord) -> Section | None:
    """The part of the page with translations to read."""
    html = by_split(record, _translations)
    return Section("examples", "Examples to read", html) if html else None


def _translations(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    scored = [row for row in rows if math.isfinite(_loss(row))]
    worst = sorted(scored, key=lambda row: (-_loss(row), row.get("index", 0)))[:WORST]
    groups = [
        _group("References the model expected least", worst, len(rows)),
        _group("A sample", rows[:: math.ceil(len(rows) / SAMPLE)], len(rows)),
    ]
    return render("translations.html", groups=[group for group in groups if group["examples"]])


def _group(title: str, rows: list[Record], total: int) -> dict[str, Any]:
    return {
        "title": title,
        "of": wording.plural(total, "example"),
        "total": total,
        "examples": [_example(row) for row in rows],
    }


def _example(row: Record) -> dict[str, Any]:
    said = [("Source", "text"), ("Reference", "label"), ("Prediction", "prediction")]
    return {
        "texts": [(title, str(row[key])) for title, key in said],
        "where": str(row.get("where") or f"{row.get('split')} example {row.get('index')}"),
        "verdict": f"loss {wording.number(row.get('loss'))} a token, "
        f"{wording.percent(row.get('accuracy'))} of the reference's tokens foreseen",
    }


def _loss(row: Record) -> float:
    loss = row.get("loss")
    return math.nan if loss is None else float(loss)
