"""What was foreseen where a masked language model was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hfdl.tasks.language_modeling.language_scores import foreseen
from hfdl.tasks.protocol import Batch, Prediction

NAMES = ["perplexity", "accuracy"]
"""What ``language_scores.token_scores`` gives."""
SHOWN = 20
"""Most tokens of a window that a prediction shows: files are read by people."""


def guesses(scores: Any, batch: Batch, name: Callable[[int], str]) -> list[Prediction]:
    """How well the chosen tokens of each window were foreseen, and what was foreseen.

    Args:
        scores: ``losses`` and ``best`` of the N chosen tokens.
        batch: its ``targets`` hold ``targets`` (N,) and ``rows`` (N,).
        name: the text of a token.

    Returns:
        for each window ``loss``, ``accuracy`` and ``tokens`` as ``language_scores.foreseen``,
        and ``words``: the first ``SHOWN`` of its chosen tokens as ``{"target", "prediction"}``.
    """
    found = foreseen(scores, batch)
    words: list[list[dict[str, str]]] = [[] for _ in found]
    places = zip(
        batch.targets["rows"].tolist(), batch.targets["targets"].tolist(), scores.best.tolist(),
        strict=True,
    )  # fmt: skip
    for row, target, best in places:
        if len(words[row]) < SHOWN:
            words[row].append({"target": name(target), "prediction": name(best)})
    return [{**said, "words": some} for said, some in zip(found, words, strict=True)]
