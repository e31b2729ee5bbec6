"""The predictions worth reading: confident and wrong, uncertain, far off."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hfdl.report import wording
from hfdl.report.counts import is_right
from hfdl.report.guess import MULTI, REGRESSION, SINGLE
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, group, highest, render, where

if TYPE_CHECKING:
    from markupsafe import Markup

WRONG = 20
UNCERTAIN = 10


def build(record: RunRecord) -> Section | None:
    """The part of the page with examples to read."""
    renderers = {SINGLE: _single, MULTI: _multi, REGRESSION: _regression}
    renderer = renderers.get(record.problem_type or "")
    return by_split(record, "examples", "Examples to read", renderer) if renderer else None


def _single(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    wrong = [row for row in rows if not is_right(row)]
    scored = [row for row in rows if row.get("score") is not None]
    return _shown(
        ("Most confident mistakes", highest(wrong, _score, WRONG), len(wrong), "mistake"),
        ("Least certain", highest(scored, _doubt, UNCERTAIN), len(scored), "example"),
        verdict=_single_verdict,
    )


def _multi(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    wrong = [row for row in rows if not is_right(row)]
    scored = [row for row in rows if row.get("scores")]
    return _shown(
        ("Worst false labels", highest(wrong, _worst, WRONG), len(wrong), "mistake"),
        ("Least certain", highest(scored, _closeness, UNCERTAIN), len(scored), "example"),
        verdict=_multi_verdict,
    )


def _regression(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    rows = [row for row in rows if math.isfinite(_error(row))]
    furthest = highest(rows, lambda row: abs(_error(row)), WRONG)
    return _shown(("Largest errors", furthest, len(rows), "example"), verdict=_regression_verdict)


def _shown(*groups: tuple[str, list[Record], int, str], verdict: Callable[[Record], str]) -> Markup:
    made = [
        group(title, [_example(row, verdict(row)) for row in rows], total, noun)
        for title, rows, total, noun in groups
    ]
    return render("examples.html", groups=made)


def _example(row: Record, verdict: str) -> Record:
    """A prediction as the page shows it; ``verdict`` says in words what is notable."""
    scores = sorted((row.get("scores") or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    # A number is right or wrong by degree.
    is_number = isinstance(row["prediction"], (int, float))
    return {
        "texts": [str(row[key]) for key in ("text", "text_pair") if row.get(key) is not None],
        "where": where(row),
        "label": _names(row["label"]),
        "prediction": _names(row["prediction"]),
        "right": None if is_number else is_right(row),
        "verdict": verdict,
        # With two labels the verdict says it all.
        "scores": scores[:3] if len(scores) > 2 else [],
    }


def _single_verdict(row: Record) -> str:
    said = wording.percent(row.get("score"))
    if is_right(row) or str(row["label"]) not in (row.get("scores") or {}):
        return f"score {said}"
    return f"score {said}, the true label {wording.percent(row['scores'][str(row['label'])])}"


def _multi_verdict(row: Record) -> str:
    scores = row.get("scores") or {}
    words = [
        f"{'wrongly given' if name in row['prediction'] else 'missed'}: {name} "
        f"({wording.percent(scores.get(name))})"
        for name in sorted(_false_labels(row), key=lambda name: (-_falseness(row, name), name))
    ]
    return "; ".join(words) or "all labels right"


def _regression_verdict(row: Record) -> str:
    return f"error {'+' if _error(row) > 0 else ''}{wording.measured(_error(row))}"


def _score(row: Record) -> float:
    return float(row.get("score") or 0.0)


def _doubt(row: Record) -> float:
    return -_score(row)


def _error(row: Record) -> float:
    return float(row["prediction"]) - float(row["label"])


def _false_labels(row: Record) -> set[str]:
    return set(row["label"]) ^ set(row["prediction"])


def _falseness(row: Record, name: str) -> float:
    score = (row.get("scores") or {}).get(name, 0.5)
    return score if name in row["prediction"] else 1 - score


def _worst(row: Record) -> float:
    return max(_falseness(row, name) for name in _false_labels(row))


def _closeness(row: Record) -> float:
    """How near the score nearest to one half is to it."""
    return -min(abs(score - 0.5) for score in row["scores"].values())


def _names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(name) for name in value]
    return [wording.number(value) if isinstance(value, float) else str(value)]
