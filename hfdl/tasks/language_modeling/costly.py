"""The tokens of a text that a causal language model expected least."""

from __future__ import annotations

from typing import Any

import torch

from hfdl.tasks.protocol import Batch

SHOWN = 3
"""Tokens of each block that are kept."""
BEFORE = 16
"""Tokens before one that are shown."""


def costly_tokens(outputs: Any, batch: Batch, tokenizer: Any) -> list[list[dict[str, Any]]]:
    """The costliest targets of each block, the worst first.

    Args:
        outputs: of the model, with ``losses`` and ``best`` of the N targets.
        batch: the blocks (B, T), with ``positions``, ``targets`` and ``rows``, each (N,).
        tokenizer: to write tokens as text.

    Returns:
        for each of B blocks at most ``SHOWN`` of ``{"after", "target", "prediction", "loss"}``.
    """
    ids = batch.inputs["input_ids"].cpu()
    positions, rows = batch.inputs["positions"].cpu(), batch.targets["rows"].cpu()
    losses = outputs.losses.detach().float().cpu()
    found: list[list[dict[str, Any]]] = []
    for row in range(len(ids)):
        own = torch.nonzero(rows == row)[:, 0]
        worst = own[losses[own].argsort(descending=True, stable=True)[:SHOWN]]
        block = []
        for at in worst.tolist():
            place = int(positions[at]) - row * ids.shape[1]
            before = ids[row, max(0, place + 1 - BEFORE) : place + 1].tolist()
            block.append(
                {
                    "after": tokenizer.decode(before),
                    "target": tokenizer.decode([int(batch.targets["targets"][at])]),
                    "prediction": tokenizer.decode([int(outputs.best[at])]),
                    "loss": float(losses[at]),
                }
            )
        found.append(block)
    return found
