"""What a comparison comes to: a row for each era."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hfdl.display import Shown
from hfdl.report.guess import Guess

MOST = 6
"""Eras that a repr shows."""


@dataclass(frozen=True)
class Row:
    """What became of one era.

    Args:
        era: its name.
        title: what it is.
        model: as the recipe names it.
        metric: which one ``scores`` are of.
        scores: by held-out split, one for each seed.
        parameters, trained: of the model, and how many of them were trained.
        seconds: of training, evaluations between included; the mean over the seeds.
        samples_per_second: examples that training read a second; the mean over the seeds.
        precision: that it was trained in.
        runs: the runs' folders within that of the comparison.
    """

    era: str
    title: str
    model: str
    metric: str
    scores: dict[str, list[float]]
    parameters: int
    trained: int
    seconds: float
    samples_per_second: float
    precision: str
    runs: list[str]

    def mean(self, split: str) -> float | None:
        """The mean score on a split; None where there was none."""
        return statistics.fmean(self.scores[split]) if self.scores.get(split) else None

    def text(self) -> str:
        """Scores, time and size on one line."""
        scores = [f"{split} {self.metric} {self.mean(split):.4f}" for split in self.scores]
        return "  ".join([*scores, f"{self.parameters:,} parameters", f"{self.seconds:.1f} s"])

    def sd(self, split: str) -> float | None:
        """The standard deviation over the seeds; None of a single one."""
        scores = self.scores.get(split, [])
        return statistics.stdev(scores) if len(scores) > 1 else None


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Finished runs of the same task.

    Args:
        name: of the comparison.
        directory: the folder with table.json, compare.html and a folder for each era.
        rows: one for each era.
        seeds: that each era was trained with.
        examples: how many each split has.
        machine: what the last run was trained on: processor, threads, versions; the precisions of
            all of them.
        guesses: by split: what always the same answer would reach, of the metric of the rows.
    """

    name: str
    directory: Path
    rows: list[Row]
    seeds: list[int]
    examples: dict[str, int]
    machine: dict[str, Any]
    guesses: dict[str, Guess] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The contents of table.json."""
        rows = [
            {
                **asdict(row),
                "mean": {split: row.mean(split) for split in row.scores},
                "sd": {split: row.sd(split) for split in row.scores},
            }
            for row in self.rows
        ]
        return {
            "comparison": self.name,
            "seeds": self.seeds,
            "examples": self.examples,
            "machine": self.machine,
            "guesses": {
                split: {"metric": one.metric, "value": one.value, "answer": one.answer}
                for split, one in self.guesses.items()
            },
            "rows": rows,
        }

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows = [(row.era, row.text()) for row in self.rows[:MOST]]
        more = len(self.rows) - len(rows)
        if more:
            rows.append(("...", f"{more} eras more"))
        title = f"Comparison of {self.name}, {len(self.seeds)} seed(s)"
        return title, [*rows, ("saved in", str(self.directory))]
