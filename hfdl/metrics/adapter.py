"""hfdl's metrics as ``evaluate`` modules, for code that is written for that library.

``evaluate`` is imported here alone, and only when it is needed: it costs seconds. Its own loader
runs downloaded code, which this one never does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.errors import ConfigError, MissingExtraError, did_you_mean
from hfdl.metrics.classification import single_label_metrics
from hfdl.metrics.regression import regression_metrics

_LABELS = ("accuracy", "f1", "precision", "recall", "matthews_correlation")
_NUMBERS = ("mse", "mae", "r_squared", "pearsonr", "spearmanr")


def load(name: str) -> Any:
    """A metric as an ``evaluate.Metric``: ``load("accuracy").compute(predictions=, references=)``.

    ``f1``, ``precision`` and ``recall`` are macro averages.

    Args:
        name: one of accuracy, f1, precision, recall, matthews_correlation (of label ids), mse,
            mae, r_squared, pearsonr, spearmanr (of numbers).

    Raises:
        ConfigError: unknown name.
        MissingExtraError: the package ``evaluate`` is not installed.
    """
    if name not in _LABELS + _NUMBERS:
        raise ConfigError(f"no metric {name!r}", remedy=did_you_mean(name, _LABELS + _NUMBERS))
    try:
        import evaluate
    except ImportError as error:
        raise MissingExtraError("evaluate", feature="hfdl.metrics.load") from error
    from datasets import Features, Value

    dtype = "int64" if name in _LABELS else "float64"
    compute: Callable[[Any, Any], dict[str, float]] = (
        _of_labels if name in _LABELS else regression_metrics
    )

    class Adapter(evaluate.Metric):
        """One of hfdl's metrics."""

        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"hfdl's {name}",
                citation="",
                inputs_description="predictions and references of equal length",
                features=Features({"predictions": Value(dtype), "references": Value(dtype)}),
            )

        def _compute(
            self, *, predictions: Any = None, references: Any = None, **_: Any
        ) -> dict[str, float]:
            return {name: compute(references, predictions)[name]}

    return Adapter()


def _of_labels(references: Any, predictions: Any) -> dict[str, float]:
    highest = max(np.max(references, initial=0), np.max(predictions, initial=0))
    return single_label_metrics(references, predictions, int(highest) + 1)
