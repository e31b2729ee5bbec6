"""Labels for each head, and the loss of its output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hfdl.hf_models import losses
from hfdl.nn.losses import IGNORED
from hfdl.parity.variants import Batch
from hfdl.weights.families.name_table import Head


def labels_for(head: Head, batch: Batch, config: Any) -> Tensor | None:
    """Labels for a batch, the same in every run: (B, T), or (B,) or (B, C) for whole texts.

    None for a model without a head.
    """
    ids, rows = batch.inputs["input_ids"], torch.arange(len(batch.real))
    if head == "causal_lm":
        # The first token of a text has no real token before it that could predict it.
        first = batch.real & (batch.real.long().cumsum(1) == 1)
        return ids.masked_fill(~batch.real | first, IGNORED)
    if head == "masked_lm":
        chosen = batch.real & (torch.arange(ids.shape[1]) % 5 == 1)  # every fifth
        chosen |= batch.real & (batch.real.sum(1, keepdim=True) < 2)
        return ids.masked_fill(~chosen, IGNORED)
    if head == "token":
        labels = torch.arange(ids.shape[1]).expand_as(ids) % config.num_labels
        return labels.masked_fill(~batch.real, IGNORED)
    if head == "sequence":
        return _text_labels(rows, config)
    return None


def loss_of(answer: Tensor, labels: Tensor | None, batch: Batch, head: Head, config: Any) -> Tensor:
    """The loss of hfdl's own heads.

    A model without a head has no loss. To have gradients to compare, its last hidden states at real
    positions are projected on one fixed direction, and the mean square of that is the loss. (The
    mean square of the states themselves would not do: behind a LayerNorm it is constant.)

    Args:
        answer: logits (B, T, V), (B, T, C) or (B, C); or last hidden states (B, T, D).
        labels: of ``labels_for``.
        batch: what the model was run on.
        head: what the model has on its body.
        config: of the transformers model.
    """
    if labels is None:
        direction = torch.arange(answer.shape[-1], dtype=answer.dtype).cos()  # (D,)
        return (answer[batch.real] @ direction).square().mean()
    return losses.of_head(head, answer, labels, config)


def _text_labels(rows: Tensor, config: Any) -> Tensor:
    count = config.num_labels
    if config.problem_type == "multi_label_classification":
        return F.one_hot(rows % count, count).double()  # (B, C)
    if config.problem_type == "regression" or count == 1:
        shape = (len(rows),) if count == 1 else (len(rows), count)
        return torch.linspace(-1, 1, shape[0] * count).double().reshape(shape)
    return rows % count
