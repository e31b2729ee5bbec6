"""How well a model foresees the right words, and how near its own translations come to them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from hfdl.metrics.translation import translation_metrics
from hfdl.nn.losses import IGNORED, token_losses
from hfdl.tasks.protocol import LossSum, Prediction

NAMES = ["bleu", "chrf", "accuracy", "perplexity"]
"""What ``corpus_scores`` gives."""


def summed_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> LossSum:
    """Cross-entropy of the right words, summed over the real tokens of the targets.

    Args:
        logits: (B, T, V).
        labels: (B, T), -100 at padding.
        label_smoothing, focal_gamma: as ``hfdl.nn.losses.token_losses`` takes them.
    """
    losses = token_losses(
        logits.flatten(0, 1), labels.flatten(), label_smoothing=label_smoothing,
        focal_gamma=focal_gamma,
    )  # (B * T,)  # fmt: skip
    return LossSum(losses.sum(), (labels != IGNORED).sum())


def foreseen(logits: torch.Tensor, labels: torch.Tensor) -> list[Prediction]:
    """How well the words of each right target were foreseen, each given those before it.

    Args:
        logits: (B, T, V).
        labels: (B, T), -100 at padding.

    Returns:
        for each target ``loss``, the mean cross-entropy of its words, ``accuracy``, the share of
        them that was the likeliest word, and ``tokens``, their number.
    """
    losses = token_losses(logits.flatten(0, 1), labels.flatten())  # (B * T,)
    losses = losses.view(labels.shape).double().sum(1)  # (B * T,) -> (B, T) -> (B,)
    tokens = (labels != IGNORED).sum(1)
    right = (logits.argmax(-1) == labels).sum(1)
    rows = zip(losses.tolist(), right.tolist(), tokens.tolist(), strict=True)
    return [
        {"loss": loss / max(n, 1), "accuracy": hits / max(n, 1), "tokens": n}
        for loss, hits, n in rows
    ]


def corpus_scores(predictions: Sequence[Prediction], references: Sequence[str]) -> dict[str, float]:
    """BLEU and chrF of the translations; accuracy and perplexity of the right words."""
    tokens = sum(p["tokens"] for p in predictions) or 1
    nats = sum(p["loss"] * p["tokens"] for p in predictions) / tokens
    right = sum(p["accuracy"] * p["tokens"] for p in predictions) / tokens
    return {
        **translation_metrics(references, [p["prediction"] for p in predictions]),
        "accuracy": right,
        "perplexity": math.exp(min(nats, 700.0)),
    }
