"""Metrics by the names that the library ``evaluate`` uses, and what each of them reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from hfdl.data.entities.tags import detect_scheme
from hfdl.errors import ConfigError, did_you_mean
from hfdl.metrics.classification import averaged_metrics, confusion_matrix, matthews_correlation
from hfdl.metrics.entities import entity_metrics
from hfdl.metrics.regression import regression_metrics
from hfdl.metrics.translation import require_sacrebleu

Reads = Literal["ids", "numbers", "tags", "texts", "losses"]
"""ids of labels; numbers; a list of tags a sentence; texts; the loss of each text in nats."""


@dataclass(frozen=True)
class NamedMetric:
    """A metric that ``hfdl.metrics.load`` knows.

    Args:
        reads: what its predictions and references are.
        compute: ``(references, predictions, **options)`` to values by name.
        options: the keywords it takes, and their defaults.
        smaller: the values of which less is better.
    """

    reads: Reads
    compute: Callable[..., dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    smaller: frozenset[str] = frozenset()


def _accuracy(references: Any, predictions: Any) -> dict[str, float]:
    truth, guess = np.asarray(references), np.asarray(predictions)
    return {"accuracy": float((truth == guess).mean()) if len(truth) else 0.0}


def _averaged(name: str) -> NamedMetric:
    def compute(references: Any, predictions: Any, *, average: str) -> dict[str, float]:
        return {name: averaged_metrics(references, predictions, average)[name]}

    return NamedMetric("ids", compute, {"average": "macro"})


def _matthews(references: Any, predictions: Any) -> dict[str, float]:
    ids = np.unique([*references, *predictions], return_inverse=True)[1]
    truth, guess = np.split(ids, [len(references)])
    counts = confusion_matrix(truth, guess, int(ids.max(initial=0)) + 1)
    return {"matthews_correlation": matthews_correlation(counts)}


def _number(name: str) -> NamedMetric:
    def compute(references: Any, predictions: Any) -> dict[str, float]:
        return {name: regression_metrics(references, predictions)[name]}

    return NamedMetric("numbers", compute, smaller=frozenset({name} & {"mse", "mae"}))


def _rmse(references: Any, predictions: Any) -> dict[str, float]:
    return {"rmse": math.sqrt(regression_metrics(references, predictions)["mse"])}


def _seqeval(references: Any, predictions: Any) -> dict[str, Any]:
    """seqeval's default mode, in the form of ``evaluate``'s module."""
    scheme = detect_scheme([*references])
    found = entity_metrics(references, predictions, scheme)
    overall = {f"overall_{k}": found[k] for k in ("precision", "recall", "f1", "accuracy")}
    types = sorted({name.rpartition("/")[0] for name in found if "/" in name})
    keys = {"precision": "precision", "recall": "recall", "f1": "f1", "number": "support"}
    by_type = {
        label: {key: found[f"{label}/{ours}"] for key, ours in keys.items()} for label in types
    }
    return {**by_type, **overall}


def _of_texts(metric: str, score: str) -> Callable[..., dict[str, float]]:
    def compute(references: Sequence[Any], predictions: Sequence[str]) -> dict[str, float]:
        lists = [[one] if isinstance(one, str) else list(one) for one in references]
        if not lists:
            return {score: 0.0}
        columns = [list(column) for column in zip(*lists, strict=True)]
        made = getattr(require_sacrebleu(), metric)()
        return {score: float(made.corpus_score(list(predictions), columns).score)}

    return compute


def _exact_match(references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    same = [a == b for a, b in zip(references, predictions, strict=True)]
    return {"exact_match": sum(same) / len(same) if same else 0.0}


def _perplexity(references: Sequence[float], predictions: Sequence[float]) -> dict[str, float]:
    """exp of the mean loss of a token: losses in nats, and the tokens that each is the mean of."""
    nats = math.fsum(loss * n for loss, n in zip(predictions, references, strict=True))
    return {"perplexity": math.exp(min(nats / (sum(references) or 1), 700.0))}


NAMED: dict[str, NamedMetric] = {
    "accuracy": NamedMetric("ids", _accuracy),
    "f1": _averaged("f1"),
    "precision": _averaged("precision"),
    "recall": _averaged("recall"),
    "matthews_correlation": NamedMetric("ids", _matthews),
    "mse": _number("mse"),
    "mae": _number("mae"),
    "rmse": NamedMetric("numbers", _rmse, smaller=frozenset({"rmse"})),
    "r_squared": _number("r_squared"),
    "pearsonr": _number("pearsonr"),
    "spearmanr": _number("spearmanr"),
    "seqeval": NamedMetric("tags", _seqeval),
    "sacrebleu": NamedMetric("texts", _of_texts("BLEU", "score")),
    "chrf": NamedMetric("texts", _of_texts("CHRF", "score")),
    "ter": NamedMetric("texts", _of_texts("TER", "score"), smaller=frozenset({"score"})),
    "exact_match": NamedMetric("texts", _exact_match),
    "perplexity": NamedMetric("losses", _perplexity, smaller=frozenset({"perplexity"})),
}
"""Every metric by its name."""


def named(name: str, where: str | None = None) -> NamedMetric:
    """The metric of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in NAMED:
        raise ConfigError(f"no metric {name!r}", where=where, remedy=did_you_mean(name, NAMED))
    return NAMED[name]
