"""Metrics as functions of sums over examples, so that drawing examples again is a product.

Accuracy is such a function, and F1, perplexity, BLEU, correlation. Shapes: N examples, D rows that
differ, K sums, B resamples, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from hfdl.metrics.translation import require_sacrebleu


@dataclass(frozen=True)
class Sums:
    """What each example adds to a metric.

    Args:
        table: (D, K), the rows that differ.
        of: (N,), the row of each example.
        compute: from sums (B, K) to the metric (B,).
        smaller: whether less of it is better.
    """

    table: np.ndarray
    of: np.ndarray
    compute: Callable[[np.ndarray], np.ndarray]
    smaller: bool = False

    @classmethod
    def made(
        cls, rows: np.ndarray, compute: Callable[[np.ndarray], np.ndarray], *, smaller: bool = False
    ) -> Self:
        """Of one row an example, (N, K)."""
        rows = np.asarray(rows, dtype=np.float64)
        table, of = np.unique(rows, axis=0, return_inverse=True)
        return cls(table, of.reshape(-1), compute, smaller)

    def totals(self) -> np.ndarray:
        """The sums over all examples, (K,)."""
        often = np.bincount(self.of, minlength=len(self.table)).astype(np.float64)
        return often @ self.table

    def grouped(self, units: np.ndarray) -> Sums:
        """Of units of examples, (N,), that are drawn together: the sentences of a document."""
        names, unit = np.unique(units, return_inverse=True)
        table = np.zeros((len(names), self.table.shape[1]))
        np.add.at(table, unit.reshape(-1), self.table[self.of])
        return replace(self, table=table, of=np.arange(len(names)))

    def chosen(self, examples: np.ndarray) -> Sums:
        """Of some examples: their numbers, or bool (N,)."""
        return replace(self, of=self.of[examples])


@dataclass(frozen=True)
class ExampleFigures:
    """What can be said of each example of a split, and of metrics over any of them.

    Args:
        metrics: by name; the first is what models are compared by.
        gains: how good each answer is, more is better, (N,).
        right: whether each answer is right, (N,); None where answers are not right or wrong.
        units: the document that each example is a part of, (N,); None: each stands alone.
    """

    metrics: dict[str, Sums]
    gains: np.ndarray
    right: np.ndarray | None = None
    units: np.ndarray | None = None


def of_labels(truth: np.ndarray, guess: np.ndarray, labels: int) -> dict[str, Sums]:
    """Accuracy and macro F1 of one label an example.

    Args:
        truth, guess: numbers of labels, (N,).
        labels: C.
    """
    pairs, of = np.unique(np.stack([truth, guess], axis=1), axis=0, return_inverse=True)
    table = np.zeros((len(pairs), 3 * labels))
    rows = np.arange(len(pairs))
    hits = pairs[:, 0] == pairs[:, 1]
    table[rows[hits], pairs[hits, 0]] = 1
    table[rows, labels + pairs[:, 1]] = 1
    table[rows, 2 * labels + pairs[:, 0]] = 1
    of = of.reshape(-1)

    def accuracy(totals: np.ndarray) -> np.ndarray:
        return _ratio(totals[:, :labels].sum(1), totals[:, 2 * labels :].sum(1))

    def f1(totals: np.ndarray) -> np.ndarray:
        own, items = (
            2 * totals[:, :labels],
            totals[:, labels : 2 * labels] + totals[:, 2 * labels :],
        )
        seen = items > 0  # as scikit-learn: a label that is nowhere takes no part
        return _ratio(_ratio(own, items).sum(1), seen.sum(1))

    return {"accuracy": Sums(table, of, accuracy), "f1": Sums(table, of, f1)}


def of_label_sets(truth: np.ndarray, guess: np.ndarray) -> dict[str, Sums]:
    """Exact matches and micro F1 of several labels an example; both (N, C) of bool."""
    exact = (truth == guess).all(axis=1)
    counts = np.stack([(truth & guess).sum(1), guess.sum(1), truth.sum(1)], axis=1)
    return {"accuracy": of_means(exact), **of_items(counts, only=("f1",))}


def of_items(
    counts: np.ndarray, only: Sequence[str] = ("f1", "precision", "recall")
) -> dict[str, Sums]:
    """Micro F1, precision and recall; ``counts`` (N, 3): hits, predicted and true items."""
    computes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "f1": lambda t: _ratio(2 * t[:, 0], t[:, 1] + t[:, 2]),
        "precision": lambda t: _ratio(t[:, 0], t[:, 1]),
        "recall": lambda t: _ratio(t[:, 0], t[:, 2]),
    }
    made = Sums.made(counts, computes["f1"])
    return {name: replace(made, compute=computes[name]) for name in only}


def of_means(values: np.ndarray, *, smaller: bool = False) -> Sums:
    """The mean of a value of each example, (N,)."""
    rows = np.stack([np.asarray(values, dtype=np.float64), np.ones(len(values))], axis=1)
    return Sums.made(rows, lambda totals: _ratio(totals[:, 0], totals[:, 1]), smaller=smaller)


def of_numbers(truth: np.ndarray, guess: np.ndarray) -> dict[str, Sums]:
    """Mean squared and absolute error, and Pearson's correlation; (N,) each."""
    x, y = truth - truth.mean(), guess - truth.mean()  # one shift for both, against cancellation
    moments = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)
    return {
        "mse": of_means((guess - truth) ** 2, smaller=True),
        "mae": of_means(np.abs(guess - truth), smaller=True),
        "pearsonr": Sums.made(moments, _correlation),
    }


def of_tokens(losses: np.ndarray, tokens: np.ndarray) -> dict[str, Sums]:
    """Perplexity; ``losses`` (N,) are means in nats over so many ``tokens`` (N,)."""
    rows = np.stack([losses * tokens, tokens], axis=1)

    def perplexity(totals: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(_ratio(totals[:, 0], totals[:, 1]), 700.0))

    return {"perplexity": Sums.made(rows, perplexity, smaller=True)}


def of_translations(references: Sequence[str], predictions: Sequence[str]) -> dict[str, Sums]:
    """chrF and BLEU of the whole corpus, as sacrebleu computes them from its sums of sentences.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    sacrebleu = require_sacrebleu()
    found = {}
    for name, metric in (("chrf", sacrebleu.CHRF()), ("bleu", sacrebleu.BLEU())):
        rows = metric._extract_corpus_statistics(list(predictions), [list(references)])

        def compute(totals: np.ndarray, metric: Any = metric) -> np.ndarray:
            return np.array([metric._compute_score_from_stats(row.tolist()).score
                             for row in totals.astype(np.int64)])  # fmt: skip

        found[name] = Sums.made(np.array(rows), compute)
    return found


def _correlation(totals: np.ndarray) -> np.ndarray:
    n, x, y, xx, yy, xy = totals.T
    spread = np.sqrt(np.maximum(n * xx - x**2, 0) * np.maximum(n * yy - y**2, 0))
    return _ratio(n * xy - x * y, spread)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
