"""Running a model over a split without training it: evaluation and the pipelines share this."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from hfdl.nn.lengths import evaluating
from hfdl.tasks.protocol import Batch, Split

# Padded tokens in one forward pass: enough to fill two cores or a GPU, little enough that one long
# text among short ones cannot blow up memory.
CPU_TOKENS = 4096
GPU_TOKENS = 65536


def inference_batches(
    lengths: np.ndarray, token_budget: int, limit: int | None = None
) -> list[np.ndarray]:
    """Examples sorted by length, cut so that no batch pads to more than ``token_budget`` tokens.

    Args:
        lengths: tokens of each example, shape (N,).
        token_budget: largest number of padded tokens in a batch; a longer example stands alone.
        limit: largest number of examples in a batch.

    Returns:
        arrays of example numbers, longest first; every example stands in exactly one.
    """
    order = np.argsort(-lengths, kind="stable")
    batches: list[np.ndarray] = []
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))  # a text can have no token at all
        size = max(1, token_budget // longest)
        size = size if limit is None else min(size, limit)
        batches.append(order[start : start + size])
        start += size
    return batches


@torch.inference_mode()
def forward_batches(
    model: torch.nn.Module,
    split: Split,
    batches: list[np.ndarray],
    device: torch.device,
    autocast: AbstractContextManager[Any] | None = None,
) -> Iterator[tuple[Any, Batch]]:
    """The model's outputs for each batch, in eval mode; then every part is in its mode again."""
    with evaluating(model):
        for examples in batches:
            batch = split.batch(examples.tolist(), seed=0, epoch=0).to(device)
            with autocast or nullcontext():
                outputs = model(**batch.inputs)
            yield outputs, batch


def token_budget(device: torch.device) -> int:
    """Padded tokens per forward pass on a device."""
    return CPU_TOKENS if device.type == "cpu" else GPU_TOKENS
