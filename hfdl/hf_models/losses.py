"""The loss of each head, as transformers defines it; ``hfdl.nn.losses`` has those of hfdl's loop.

Each is a sum over items divided by their number. transformers' Trainer gives the number of the
whole batch where it cuts it into micro-batches, so that the cut does not change the gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hfdl.nn.losses import IGNORED, at_least_float32
from hfdl.weights.families.name_table import Head


def of_head(
    head: Head, logits: Tensor, labels: Tensor, config: Any, items: Tensor | int | None = None
) -> Tensor:
    """The loss of a model with this head.

    Args:
        head: what the model has on its body.
        logits: (B, C) of texts, else (B, T, C).
        labels: as ``cross_entropy``, ``next_word`` or ``sequence`` takes them.
        config: a transformers config.
        items: what the sum is divided by; None: the labels that count.
    """
    if head == "causal_lm":
        return next_word(logits, labels, items)
    if head == "sequence":
        return sequence(logits, labels, config, items)
    return cross_entropy(logits, labels, items)


def cross_entropy(logits: Tensor, labels: Tensor, items: Tensor | int | None) -> Tensor:
    """Cross-entropy over labels other than -100.

    Args:
        logits: (..., C).
        labels: (...), class numbers.
        items: what the sum is divided by; None: the labels that count.
    """
    labels = labels.to(logits.device).flatten()
    reduction = "mean" if items is None else "sum"
    loss = F.cross_entropy(
        logits.to(at_least_float32(logits)).flatten(0, -2), labels,  # (N, C) and (N,)
        ignore_index=IGNORED, reduction=reduction,
    )  # fmt: skip
    return loss if items is None else loss / _number(items, loss)


def next_word(logits: Tensor, labels: Tensor, items: Tensor | int | None) -> Tensor:
    """Cross-entropy of each position's next label; logits (B, T, V), labels (B, T)."""
    return cross_entropy(logits[:, :-1], labels[:, 1:], items)


def sequence(logits: Tensor, labels: Tensor, config: Any, items: Tensor | int | None) -> Tensor:
    """The loss of texts by ``config.problem_type``, which is set from the labels where it is None.

    Args:
        logits: (B, C).
        labels: (B,) class numbers; (B, C) of 0 and 1; or (B,) or (B, C) numbers.
        config: a transformers config.
        items: as in ``cross_entropy``.
    """
    if config.problem_type is None:
        config.problem_type = _problem_type(labels, config.num_labels)
    if config.problem_type == "single_label_classification":
        return cross_entropy(logits, labels.flatten(), items)
    logits = logits.to(at_least_float32(logits))
    labels = labels.to(logits.device, logits.dtype).reshape(logits.shape)  # (B, C)
    if config.problem_type == "regression":
        losses = (logits - labels) ** 2  # (B, C)
    else:
        losses = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")  # (B, C)
    return losses.mean() if items is None else losses.sum() / _number(items, losses)


def _problem_type(labels: Tensor, num_labels: int) -> str:
    if num_labels == 1:
        return "regression"
    whole = labels.dtype in (torch.long, torch.int)
    return "single_label_classification" if whole else "multi_label_classification"


def _number(items: Tensor | int, like: Tensor) -> Tensor | int:
    return items if isinstance(items, int) else items.to(like.device)
