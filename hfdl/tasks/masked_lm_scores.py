"""How well the masked tokens were foreseen, by window and over a whole text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hfdl.tasks.causal_lm_scores import foreseen, perplexity
from hfdl.tasks.protocol import Batch, Prediction

NAMES = ["perplexity", "accuracy"]
"""What ``corpus_scores`` gives."""
SHOWN = 20
"""Most tokens of a window that a prediction shows: files are read by people."""


def guesses(scores: Any, batch: Batch, name: Callable[[int], str]) -> list[Prediction]:
    """How well the chosen tokens of each window were foreseen, and what was foreseen.

    Args:
        scores: ``losses`` and ``best`` of the N chosen tokens.
        batch: its ``targets`` hold ``targets`` (N,) and ``rows`` (N,).
        name: the text of a token.

    Returns:
        for each window ``loss``, ``accuracy`` and ``tokens`` as ``causal_lm_scores.foreseen``,
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


def corpus_scores(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Perplexity and accuracy over all chosen tokens, each weighing the same.

    They are no figures of the whole text: another ``data.mask_share`` gives others.
    """
    tokens = sum(p["tokens"] for p in predictions) or 1
    nats = math.fsum(p["loss"] * p["tokens"] for p in predictions)
    right = math.fsum(p["accuracy"] * p["tokens"] for p in predictions)
    return {"perplexity": perplexity(nats, tokens), "accuracy": right / tokens}
