"""What rows of predictions.jsonl say of each translation, for comparing two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfdl.metrics.sums import ExampleFigures, of_translations


def example_figures(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> ExampleFigures:
    """chrF and BLEU; of a single translation its own chrF.

    Args:
        rows: with ``label`` and ``prediction``.
        labels: not needed.
    """
    del labels
    references, predictions = ([str(row[key]) for row in rows] for key in ("label", "prediction"))
    metrics = of_translations(references, predictions)
    chrf = metrics["chrf"]
    return ExampleFigures(metrics, np.asarray(chrf.compute(chrf.table)[chrf.of], dtype=float))
