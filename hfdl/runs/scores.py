"""The figures of an evaluation, as ``hfdl.evaluate`` returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hfdl.display import Shown, number
from hfdl.report.guess import Guess
from hfdl.report.intervals import Interval, interval_lines
from hfdl.runs.precision_cost import Cost


class Scores(dict[str, dict[str, float]], Shown):
    """Metrics by split: a dict, shown as a table.

    Args:
        metrics: by split.
        model: what was evaluated.
        directory: the folder of the report; None where nothing was written.
        guesses: what always the same answer would reach, on each split that has such an answer.
        mistakes: the predictions that are wrong, the worst first.
        intervals: how far chance moves accuracy, or the F1 of entities, on each split.
        costs: what int8 costs on each split, where it was evaluated in int8.
    """

    def __init__(
        self,
        metrics: Mapping[str, dict[str, float]],
        model: str = "",
        directory: Path | None = None,
        *,
        guesses: Sequence[Guess] = (),
        mistakes: Sequence[dict[str, Any]] = (),
        intervals: Sequence[Interval] = (),
        costs: Sequence[Cost] = (),
    ) -> None:
        super().__init__(metrics)
        self.model, self.directory = model, directory
        self.guesses, self.mistakes = list(guesses), list(mistakes)
        self.intervals, self.costs = list(intervals), list(costs)

    __repr__ = Shown.__repr__

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows = [(split, metric_text(values)) for split, values in self.items()]
        rows += [("chance", line) for line in interval_lines(self.intervals, 64)]  # of 80, indented
        rows += [("precision", cost.line()) for cost in self.costs]
        rows += [("guess", guess.warning() or guess.text()) for guess in self.guesses]
        if self.directory is not None:
            rows.append(("report", str(self.directory / "report.html")))
        return f"Scores of {self.model}", rows


def metric_text(metrics: Mapping[str, Any]) -> str:
    """The metrics of a split on one line, details (``a/b``) left out."""
    return "  ".join(
        f"{name} {number(value)}" for name, value in metrics.items() if "/" not in name
    )
