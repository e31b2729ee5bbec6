"""What rows of predictions.jsonl say of each example, for comparing two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfdl.metrics.sums import ExampleFigures, of_label_sets, of_labels, of_numbers


def example_figures(rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> ExampleFigures:
    """One label, several, or a number an example.

    Args:
        rows: with ``label``, ``prediction`` and ``score``.
        labels: of both models together.
    """
    truth, guess = ([row[key] for row in rows] for key in ("label", "prediction"))
    if isinstance(truth[0], list):
        return _several(truth, guess, labels)
    if isinstance(truth[0], int | float) and not isinstance(truth[0], bool):
        numbers = [np.array(side, dtype=np.float64) for side in (truth, guess)]
        return ExampleFigures(of_numbers(*numbers), -np.abs(numbers[1] - numbers[0]))
    ids = {name: number for number, name in enumerate(labels)}
    true, said = (np.array([ids[str(each)] for each in side]) for side in (truth, guess))
    scores = np.array([float(row.get("score") or 0.0) for row in rows])
    right = true == said
    return ExampleFigures(of_labels(true, said, len(ids)), np.where(right, scores, -scores), right)


def _several(truth: list[Any], guess: list[Any], labels: Sequence[str]) -> ExampleFigures:
    true, said = (np.array([[n in set(each) for n in labels] for each in side], dtype=bool)
                  for side in (truth, guess))  # fmt: skip
    wrong = (true != said).sum(axis=1)
    return ExampleFigures(of_label_sets(true, said), -wrong.astype(float), wrong == 0)
