"""What rows of predictions.jsonl say of each block of a text, for comparing two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfdl.metrics.sums import ExampleFigures, of_tokens


def example_figures(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> ExampleFigures:
    """Perplexity of blocks; those of one document are drawn together.

    Args:
        rows: with ``loss``, ``tokens`` and ``where``.
        labels: not needed.
    """
    del labels
    losses, tokens = (np.array([row[k] for row in rows], dtype=float) for k in ("loss", "tokens"))
    documents = np.array([str(row.get("where")) for row in rows])
    return ExampleFigures(of_tokens(losses, tokens), -losses, units=documents)
