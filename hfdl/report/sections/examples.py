"""The predictions worth reading: confident and wrong, uncertain, far off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hfdl.report import wording
from hfdl.report.counts import is_right
from hfdl.report.record import Record, RunRecord
from hfdl.report.section import Section, by_split, render
from hfdl.report.sections.headline import MULTI, REGRESSION, SINGLE

if TYPE_CHECKING:
    from markupsafe import Markup

WRONG = 20
UNCERTAIN = 10


@dataclass(frozen=True)
class Example:
    """One prediction as the page shows it; ``verdict`` says in words what is notable."""

    texts: list[str]
    where: str
    label: list[str]
    prediction: list[str]
    right: bool | None
    """None where right and wrong are a matter of degree."""
    verdict: str
    scores: list[tuple[str, float]]


def build(record: RunRecord) -> Section | None:
    """The part of the page with examples to read."""
    renderers = {SINGLE: _single, MULTI: _multi, REGRESSION: _regression}
    renderer = renderers.get(record.problem_type or "")
    html = by_split(record, renderer) if renderer else None
    return Section("examples", "Examples to read", html) if html else None


def _single(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    wrong = [row for row in rows if not is_right(row)]
    surest = sorted(wrong, key=lambda row: (-_score(row), row.get("index", 0)))[:WRONG]
    scored = [row for row in rows if row.get("score") is not None]
    least = sorted(scored, key=lambda row: (_score(row), row.get("index", 0)))[:UNCERTAIN]
    groups = [
        _group("Most confident mistakes", surest, len(wrong), "mistake", _single_verdict),
        _group("Least certain", least, len(scored), "example", _single_verdict),
    ]
    return render("examples.html", groups=groups)


def _multi(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    wrong = [row for row in rows if not is_right(row)]
    surest = sorted(wrong, key=lambda row: (-_worst(row), row.get("index", 0)))[:WRONG]
    scored = [row for row in rows if row.get("scores")]
    least = sorted(scored, key=lambda row: (_margin(row), row.get("index", 0)))[:UNCERTAIN]
    groups = [
        _group("Worst false labels", surest, len(wrong), "mistake", _multi_verdict),
        _group("Least certain", least, len(scored), "example", _multi_verdict),
    ]
    return render("examples.html", groups=groups)


def _regression(record: RunRecord, split: str, rows: list[Record]) -> Markup:
    rows = [row for row in rows if math.isfinite(_error(row))]
    furthest = sorted(rows, key=lambda row: (-abs(_error(row)), row.get("index", 0)))[:WRONG]
    groups = [_group("Largest errors", furthest, len(rows), "example", _regression_verdict)]
    return render("examples.html", groups=groups)


def _group(title: str, rows: list[Record], total: int, noun: str, verdict: Any) -> dict[str, Any]:
    return {
        "title": title,
        "of": wording.plural(total, noun),
        "total": total,
        "examples": [_example(row, verdict(row)) for row in rows],
    }


def _example(row: Record, verdict: str) -> Example:
    scores = sorted((row.get("scores") or {}).items(), key=lambda pair: (-pair[1], pair[0]))
    return Example(
        texts=[str(row[key]) for key in ("text", "text_pair") if row.get(key) is not None],
        where=str(row.get("where") or f"{row.get('split')} example {row.get('index')}"),
        label=_shown(row["label"]),
        prediction=_shown(row["prediction"]),
        right=None if isinstance(row["prediction"], (int, float)) else is_right(row),
        verdict=verdict,
        # Of two labels the verdict has said it all.
        scores=scores[:3] if len(scores) > 2 else [],
    )


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
    return f"error {'+' if _error(row) > 0 else ''}{wording.number(_error(row))}"


def _score(row: Record) -> float:
    return float(row.get("score") or 0.0)


def _error(row: Record) -> float:
    return float(row["prediction"]) - float(row["label"])


def _false_labels(row: Record) -> set[str]:
    return set(row["label"]) ^ set(row["prediction"])


def _falseness(row: Record, name: str) -> float:
    score = (row.get("scores") or {}).get(name, 0.5)
    return score if name in row["prediction"] else 1 - score


def _worst(row: Record) -> float:
    return max(_falseness(row, name) for name in _false_labels(row))


def _margin(row: Record) -> float:
    return min(abs(score - 0.5) for score in row["scores"].values())


def _shown(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(name) for name in value]
    return [wording.number(value) if isinstance(value, float) else str(value)]
