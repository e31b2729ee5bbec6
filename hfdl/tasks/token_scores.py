"""Loss, accuracy and perplexity of predicted tokens, by example and over a whole split."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from hfdl.tasks.protocol import Prediction

_LARGEST = 700.0  # exp of more is no float


def per_example_scores(
    losses: torch.Tensor,
    best: torch.Tensor,
    targets: torch.Tensor,
    rows: torch.Tensor,
    examples: int,
) -> list[Prediction]:
    """How well the target tokens of each example were predicted.

    Args:
        losses: cross-entropy of each of N target tokens, (N,).
        best: the likeliest token at each, (N,).
        targets: the right token, (N,).
        rows: the example in the batch that each belongs to, (N,).
        examples: how many examples the batch has.

    Returns:
        for each example ``loss``, the mean cross-entropy of its targets in nats, ``accuracy``, the
        share of them that was the likeliest token, and ``tokens``, their number. Of an example
        without a target the first two are 0.
    """
    rows, right = rows.cpu(), (best == targets).cpu()
    nats = torch.zeros(examples, dtype=torch.float64)
    nats.index_add_(0, rows, losses.detach().double().cpu())  # (N,) -> (B,)
    tokens = torch.bincount(rows, minlength=examples)
    hits = torch.bincount(rows[right], minlength=examples)
    return [
        {"loss": loss / max(n, 1), "accuracy": correct / max(n, 1), "tokens": n}
        for loss, correct, n in zip(nats.tolist(), hits.tolist(), tokens.tolist(), strict=True)
    ]


def summed_nats(predictions: Sequence[Prediction]) -> float:
    """The cross-entropy of all targets, from the ``per_example_scores`` of a split."""
    return math.fsum(p["loss"] * p["tokens"] for p in predictions)


def token_scores(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Perplexity and accuracy over all targets, each target weighing the same.

    Args:
        predictions: as ``per_example_scores`` gives them.
    """
    tokens = sum(p["tokens"] for p in predictions) or 1
    right = math.fsum(p["accuracy"] * p["tokens"] for p in predictions)
    return {"perplexity": perplexity(summed_nats(predictions), tokens), "accuracy": right / tokens}


def perplexity(nats: float, tokens: float) -> float:
    """How many equally likely tokens the model is as uncertain as if choosing among, on average.

    Args:
        nats: summed cross-entropy.
        tokens: how many it was summed over; with none the answer is 1.
    """
    return math.exp(min(nats / max(tokens, 1), _LARGEST))
