"""What a model that knows nothing would reach: the same answer whatever the text, or its like.

Of labels that is the commonest, of numbers the median, of entities none, of a language model that
all tokens are equally likely, of a translation the source itself.

The report, the model card's readers and the command line all take it from here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from hfdl.report.counts import is_right
from hfdl.report.record import Record, RunRecord

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"


@dataclass(frozen=True)
class Guess:
    """The best answer that looks at no text, on one split.

    Args:
        split: its name.
        metric: what ``value`` is of.
        value: what the guess reaches.
        answer: what it always answers: the label, several with commas, or a number.
        reached: what the model reaches.
        only: the one answer that the model gives to every text; None: it gives several.
        smaller_is_better: whether the metric is an error.
        how: how the guess is made, where that is no answer that is always given.
    """

    split: str
    metric: str
    value: float
    answer: str
    reached: float | None = None
    only: str | None = None
    smaller_is_better: bool = False
    how: str | None = None

    @property
    def way(self) -> str:
        """How the guess is made, in words."""
        return self.how or f"always {self.answer!r}"

    @property
    def is_beaten(self) -> bool:
        """Whether the model is any better."""
        if self.reached is None:
            return True
        gain = self.reached - self.value
        return -gain > 1e-9 if self.smaller_is_better else gain > 1e-9

    def text(self) -> str:
        """The guess as a line for a person."""
        return f"{self.way}: {self.metric} {self.value:.4f} on {self.split}"

    def warning(self) -> str | None:
        """What is said of a model that is no better; None of one that is."""
        if self.is_beaten:
            return None
        says = f"; it answers {self.only!r} to every text" if self.only is not None else ""
        return (
            f"the model is no better than guessing on {self.split}: {self.metric} "
            f"{self.reached:.4f}, and {self.way} has {self.value:.4f}{says}"
        )


def guess_of(record: RunRecord, split: str) -> Guess | None:
    """The guess on one split; None where the task has none (or no predictions were saved)."""
    rows = record.on(split)
    metrics = record.metrics.get(split)
    if not isinstance(metrics, dict):
        return None
    if record.spec.rows == "texts":
        return _evenly(record.metrics.get("vocabulary"), split, metrics)
    if not rows:
        return None
    if record.problem_type in (SINGLE, MULTI):
        return _commonest(rows, split, metrics)
    if record.problem_type == REGRESSION:
        return _middle(rows, split, metrics)
    if record.spec.rows == "entities":
        return _outside(rows, split, metrics)
    return _copied(rows, split, metrics) if record.spec.rows == "pairs" else None


def guesses(record: RunRecord) -> list[Guess]:
    """The guess on each split that has one, in the order of the report."""
    found = [guess_of(record, split) for split in record.splits]
    return [guess for guess in found if guess is not None]


def _commonest(rows: list[Record], split: str, metrics: dict[str, Any]) -> Guess:
    counts = Counter(_names(row["label"]) for row in rows)
    answer, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    said = {_names(row["prediction"]) for row in rows}
    right = sum(map(is_right, rows)) / len(rows)
    return Guess(
        split, "accuracy", count / counts.total(), answer, metrics.get("accuracy", right),
        only=said.pop() if len(said) == 1 else None,
    )  # fmt: skip


def _middle(rows: list[Record], split: str, metrics: dict[str, Any]) -> Guess:
    """The median: no other number has a smaller mean absolute error."""
    true = [float(row["label"]) for row in rows]
    middle = median(true)
    error = sum(abs(value - middle) for value in true) / len(true)
    return Guess(
        split, "mae", error, f"{middle:.4g}", metrics.get("mae"), smaller_is_better=True
    )  # fmt: skip


def _evenly(vocabulary: Any, split: str, metrics: dict[str, Any]) -> Guess | None:
    """A language model that takes each token of its vocabulary for equally likely."""
    if not isinstance(vocabulary, int) or "perplexity" not in metrics:
        return None
    how = f"all {vocabulary:,} tokens equally likely"
    return Guess(
        split, "perplexity", float(vocabulary), how, metrics["perplexity"],
        smaller_is_better=True, how=how,
    )  # fmt: skip


def _outside(rows: list[Record], split: str, metrics: dict[str, Any]) -> Guess | None:
    """No entity anywhere: of whole entities it finds none, but most words are right."""
    tags = [str(tag) for row in rows for tag in row["label"]]
    if not tags or "accuracy" not in metrics:
        return None
    share = tags.count("O") / len(tags)
    return Guess(
        split, "accuracy", share, "no entity", metrics["accuracy"], how="no entity anywhere"
    )


def _copied(rows: list[Record], split: str, metrics: dict[str, Any]) -> Guess | None:
    """The source as its own translation: names and figures are right in it."""
    from hfdl.errors import MissingExtraError
    from hfdl.metrics.translation import translation_metrics

    if "chrf" not in metrics:
        return None
    sides = [[str(row[key]) for row in rows] for key in ("label", "text")]
    try:
        value = translation_metrics(*sides)["chrf"]
    except MissingExtraError:
        return None
    how = "copying the source"
    return Guess(split, "chrf", value, how, metrics["chrf"], how=how)


def _names(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(sorted(map(str, value))) or "none"
    return str(value)
