"""What another precision costs on labelled examples: the figures of both, and a paired test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hfdl.metrics.paired import Effect, effect_of
from hfdl.metrics.sums import ExampleFigures
from hfdl.report.record import RunRecord
from hfdl.tasks.registry import attribute


@dataclass(frozen=True)
class Cost:
    """A metric on one split, in float32 and in the other precision, on the same examples.

    Args:
        split, metric: of what.
        precision: the other one.
        effect: its ``a`` is float32.
    """

    split: str
    metric: str
    precision: str
    effect: Effect

    def line(self) -> str:
        """For a person: the figure, the other one, and their difference with half its interval."""
        effect = self.effect
        if effect.low is None or effect.high is None:
            step = "no answer differs" if not effect.differing else f"{effect.difference:+.4f}"
        else:
            half = (effect.high - effect.low) / 2
            step = f"paired difference {effect.difference:+.4f} +/- {half:.4f}"
        return (
            f"{self.precision} on {self.split}: {self.metric} {effect.b:.4f} "
            f"(float32 {effect.a:.4f}, {step})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        effect = self.effect
        return {
            "split": self.split, "metric": self.metric, "float32": effect.a,
            self.precision: effect.b, "difference": effect.difference,
            "interval": None if effect.low is None else [effect.low, effect.high],
            "p": effect.p, "test": effect.test,
        }  # fmt: skip


def costs(float32: RunRecord, other: RunRecord, precision: str) -> list[Cost]:
    """The first metric of each split; none of a task whose answers nothing compares.

    Args:
        float32, other: of the same splits, in the same order.
        precision: of ``other``.
    """
    spec = float32.spec
    if spec.paired is None:
        return []
    of_rows = attribute(spec.paired)
    found = []
    for split in float32.splits:
        # Rows without an answer have nothing to be compared with; of plain texts all have.
        sides = [
            [row for row in record.predictions if row["split"] == split]
            if spec.rows == "texts" else record.on(split)
            for record in (float32, other)
        ]  # fmt: skip
        if not sides[0]:
            continue
        labels = _labels(float32, sides)
        a, b = (of_rows(rows, labels) for rows in sides)
        found.append(_cost(split, precision, a, b))
    return found


def _cost(split: str, precision: str, a: ExampleFigures, b: ExampleFigures) -> Cost:
    metric = next(iter(a.metrics))
    return Cost(split, metric, precision, effect_of(a, b, metric, None, seed=0))


def _labels(record: RunRecord, sides: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """The model's labels, and those that the examples have beside them."""
    named = list(record.labels)
    for row in (row for rows in sides for row in rows):
        for key in ("label", "prediction"):
            value = row.get(key)
            named += map(str, value) if isinstance(value, list) else [str(value)]
    return list(dict.fromkeys(named))
