"""Metrics as pure functions of arrays, with the names that ``evaluate`` uses."""

from hfdl.metrics.adapter import load
from hfdl.metrics.classification import multi_label_metrics, single_label_metrics
from hfdl.metrics.regression import regression_metrics
from hfdl.metrics.translation import translation_metrics

__all__ = [
    "load",
    "multi_label_metrics",
    "regression_metrics",
    "single_label_metrics",
    "translation_metrics",
]
