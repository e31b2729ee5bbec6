"""What rows of predictions.jsonl say of each sentence, for comparing two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfdl.metrics.sums import ExampleFigures, of_items


def example_figures(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> ExampleFigures:
    """Entities of sentences; a sentence is right where all its entities are, and no others.

    Args:
        rows: with ``true_entities`` and ``entities``.
        labels: not needed.
    """
    del labels
    true, said = ([_spans(row[key]) for row in rows] for key in ("true_entities", "entities"))
    counts = np.array(
        [[len(t & s), len(s), len(t)] for t, s in zip(true, said, strict=True)]
    ).reshape(-1, 3)
    wrong = counts[:, 1] + counts[:, 2] - 2 * counts[:, 0]
    return ExampleFigures(of_items(counts), -wrong.astype(float), wrong == 0)


def _spans(entities: Any) -> set[tuple[int, int, str]]:
    return {(one["start"], one["end"], str(one["label"])) for one in entities or []}
