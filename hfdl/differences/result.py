"""What a comparison of two models found."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hfdl.differences.flips import BROKEN, WORSE
from hfdl.differences.slices import Slice
from hfdl.display import Shown
from hfdl.metrics.paired import MCNEMAR, Effect
from hfdl.report.wording import is_share
from hfdl.training.files import json_text

FEW = 10
"""Examples that differ below which a bootstrap's interval is not to be relied on."""


@dataclass(frozen=True, repr=False)
class Difference(Shown):
    """B against A.

    Args:
        names: of A and B, as they were given.
        task: of both.
        split: what they were measured on.
        examples: that both have.
        effects: by metric; the first is what slices and the verdict are by.
        smaller: metrics of which less is better.
        slices: parts of the examples, the one that lost most first.
        flips: examples whose answer changed, those that became wrong or worse first.
        notes: what was left out, as lines for a person.
    """

    names: tuple[str, str]
    task: str
    split: str
    examples: int
    effects: Mapping[str, Effect]
    smaller: frozenset[str]
    slices: Sequence[Slice]
    flips: Sequence[Mapping[str, Any]]
    notes: Sequence[str]

    @property
    def metric(self) -> str:
        """What the two are judged by."""
        return next(iter(self.effects))

    def gain(self, effect: Effect) -> float:
        """How much better B is by the judged metric."""
        return -effect.difference if self.metric in self.smaller else effect.difference

    def worse(self) -> list[Slice]:
        """Slices that B is worse on, the worst first; equal p of all slices is Holm-adjusted."""
        return sorted((s for s in self.slices if self.gain(s.effect) < 0),
                      key=lambda one: self.gain(one.effect))  # fmt: skip

    def said(self) -> str:
        """The verdict as a sentence."""
        effect = self.effects[self.metric]
        if effect.is_shown:
            better = "B" if self.gain(effect) > 0 else "A"
            return f"{better} is better by {self.points(abs(effect.difference))} of {self.metric}"
        return f"no difference in {self.metric} that could be told from chance"

    def power(self) -> str:
        """What this set could have shown, as a sentence."""
        effect = self.effects[self.metric]
        if effect.detectable is None and effect.test == MCNEMAR:
            return f"{self.examples:,} examples are too few to show any difference"
        if effect.detectable is None:
            return "the two answer alike everywhere: what this set could have shown is unknown"
        found = self.points(effect.detectable)
        return f"this set could have shown a difference of {found} (4 times in 5)"

    def points(self, value: float) -> str:
        """A difference of the judged metric: shares in points of a hundred."""
        return f"{100 * value:.1f} points" if is_share(self.metric) else f"{value:.4g}"

    @property
    def lost(self) -> int:
        """Examples that became wrong, or worse."""
        return sum(flip["kind"] in (BROKEN, WORSE) for flip in self.flips)

    def warnings(self) -> list[str]:
        """What the reader must know of the intervals."""
        few = [
            name
            for name, effect in self.effects.items()
            if effect.low is not None and effect.test != MCNEMAR and effect.differing < FEW
        ]
        if few:
            differ = max(self.effects[name].differing for name in few)
            return [f"the two differ on {differ:,} examples: too few for the intervals of "
                    f"{', '.join(few)}"]  # fmt: skip
        return []

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return {
            "a": self.names[0],
            "b": self.names[1],
            "task": self.task,
            "split": self.split,
            "examples": self.examples,
            "verdict": self.said(),
            "power": self.power(),
            "effects": {n: {**asdict(e), "difference": e.difference}
                        for n, e in self.effects.items()},
            "slices": [{"name": s.name, "examples": s.examples, "adjusted_p": s.adjusted,
                        **asdict(s.effect), "difference": s.effect.difference}
                       for s in self.slices],
            "flips": {"lost": self.lost, "won": len(self.flips) - self.lost},
            "notes": [*self.notes, *self.warnings()],
        }  # fmt: skip

    def write(self, path: str | Path) -> Path:
        """Write a page (``.html``), or the flips (``.csv``, ``.jsonl``), by the ending.

        Returns:
            the file.
        """
        path = Path(path)
        if path.suffix.lower() == ".html":
            from hfdl.report.difference import write_difference

            return write_difference(path, self.page())
        rows = [_flat(flip) for flip in self.flips]
        with path.open("w", encoding="utf-8", newline="") as stream:
            if path.suffix.lower() == ".csv":
                columns = list(dict.fromkeys(key for row in rows for key in row)) or ["kind"]
                writer = csv.DictWriter(stream, columns)
                writer.writeheader()
                writer.writerows(rows)
            else:
                stream.writelines(json_text(row) + "\n" for row in rows)
        return path

    def page(self) -> dict[str, Any]:
        """What the page of it shows."""
        return {
            **self.to_dict(),
            "metric": self.metric,
            "lost": [f for f in self.flips if f["kind"] in (BROKEN, WORSE)],
            "won": [f for f in self.flips if f["kind"] not in (BROKEN, WORSE)],
            "worse": {one.name for one in self.worse()},
        }

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows: list[tuple[str, Any]] = [("verdict", self.said()), ("power", self.power())]
        rows += [(name, effect_text(effect)) for name, effect in self.effects.items()]
        rows.append(("flipped", f"{self.lost:,} lost, {len(self.flips) - self.lost:,} won"))
        return f"{self.names[1]} against {self.names[0]}, {self.examples:,} examples", rows


def effect_text(effect: Effect) -> str:
    """Effect, interval and p, in this order."""
    ends = "" if effect.low is None else f" ({effect.low:+.4f} to {effect.high:+.4f})"
    return f"{effect.difference:+.4f}{ends}, p {p_text(effect.p)}"


def p_text(p: float) -> str:
    """A p value with no more digits than tell something."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.995 else "1"


def _flat(flip: Mapping[str, Any]) -> dict[str, Any]:
    """A flip as a row: ``a_prediction``, ``b_score``; lists as JSON."""
    row = {key: value for key, value in flip.items() if key not in ("a", "b")}
    for side in ("a", "b"):
        row |= {f"{side}_{key}": value for key, value in flip[side].items()}
    return {k: json_text(v) if isinstance(v, list) else v
            for k, v in row.items()}  # fmt: skip
