"""What calibrating a model found and did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.calibration.figures import NAMES, Change, SplitFigures
from hfdl.display import Shown


@dataclass(frozen=True, repr=False)
class Calibration(Shown):
    """A temperature, and what it does.

    Args:
        model: what was calibrated.
        temperature: the logits are divided by it.
        splits: the figures of each split; those of the validation split are cross-fitted.
        changed: by split of the run, how many answers became others: of long texts, whose windows'
            scores are averaged, and of no others.
        directory: the folder that answers calibrated; None where nothing was written.
        data: sha256-like digest of the validation split that the temperature was fitted on.
    """

    model: str
    temperature: float
    splits: Mapping[str, SplitFigures]
    changed: Mapping[str, int]
    directory: Path | None
    data: str

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``unclear``: the log loss of the validation split."""
        return self.splits["validation"].figures["nll"].verdict

    def said(self) -> str:
        """The verdict as a sentence."""
        change = self.splits["validation"].figures["nll"]
        return {
            "better": "the scores are better calibrated: the interval of the log loss is below 0",
            "worse": "the scores become worse: the interval of the log loss is above 0",
            "unclear": "no gain that could be told from chance: the interval of the log loss "
            + ("holds 0" if change.low is not None else "is unknown"),
        }[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write, as in calibration.json."""
        return {
            "temperature": self.temperature,
            "verdict": self.verdict,
            "splits": {name: split.to_dict() for name, split in self.splits.items()},
            "changed_answers": dict(self.changed),
            "data": self.data,
        }

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows: list[tuple[str, Any]] = [("temperature", f"{self.temperature:.4f}")]
        for name, split in self.splits.items():
            figures = (f"{NAMES[k]} {change_text(c)}" for k, c in split.figures.items())
            rows.append((name, ", ".join(figures)))
        rows.append(("verdict", self.said()))
        if self.directory is not None:
            rows.append(("saved in", str(self.directory)))
        return f"Calibration of {self.model}", rows


def change_text(change: Change) -> str:
    """A figure before and after."""
    return f"{change.before:.4f} to {change.after:.4f}"
