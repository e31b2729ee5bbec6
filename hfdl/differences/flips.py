"""The examples whose answer became right or wrong, or better or worse."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.differences.pairs import Pairs
from hfdl.metrics.sums import ExampleFigures
from hfdl.report.record import Record

BROKEN, FIXED = "right -> wrong", "wrong -> right"
WORSE, BETTER = "worse", "better"


def flips_of(pairs: Pairs, a: ExampleFigures, b: ExampleFigures) -> list[dict[str, Any]]:
    """Each example that flipped; those with the greatest change first, the lost ones before.

    Where answers are right or wrong, those that changed from one to the other. Else every example
    whose answer is better or worse by anything.
    """
    steps = b.gains - a.gains
    if a.right is not None and b.right is not None:
        lost, won = a.right & ~b.right, b.right & ~a.right
        kinds = ((BROKEN, lost), (FIXED, won))
    else:
        kinds = ((WORSE, steps < 0), (BETTER, steps > 0))
    found = []
    for kind, chosen in kinds:
        order = np.flatnonzero(chosen)
        order = order[np.argsort(-np.abs(steps[order]), kind="stable")]
        found += [_flip(kind, pairs.a[i], pairs.b[i], float(steps[i])) for i in order.tolist()]
    return found


def _flip(kind: str, a: Record, b: Record, change: float) -> dict[str, Any]:
    shared = {
        key: a[key] for key in ("where", "text", "text_pair", "label") if a.get(key) is not None
    }
    if "true_entities" in a:
        shared["label"] = _entities(a["true_entities"], a)
    return {"kind": kind, **shared, "a": _answer(a), "b": _answer(b), "change": change}


def _answer(row: Record) -> dict[str, Any]:
    if "entities" in row:
        return {"prediction": _entities(row["entities"], row), "score": _least(row["entities"])}
    return {key: row.get(key) for key in ("prediction", "score", "loss") if key in row}


def _entities(entities: list[dict[str, Any]], row: Record) -> list[str]:
    text = str(row.get("text") or "")
    return [f"{text[one['start'] : one['end']]} ({one['label']})" for one in entities]


def _least(entities: list[dict[str, Any]]) -> float | None:
    return min((one["score"] for one in entities if one.get("score") is not None), default=None)
