"""The protocol between searches and models.

Legend: B rows (prompts, samples or beams), T positions, V vocabulary.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Decoder(Protocol):
    """A batch of unfinished sequences that can be continued, token by token.

    A decoder is used once: ``start``, then any number of ``step`` and ``reorder``.
    """

    def start(self) -> Tensor:
        """Read the prompts; the logits of each row's first new token, (B, V)."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Append ``tokens`` (B, T), T mostly 1; the logits of what follows them, (B, V)."""
        ...

    def reorder(self, rows: Tensor) -> None:
        """Let row i continue the sequence of row ``rows[i]``.

        Args:
            rows: (B',). A row may occur several times or not at all, so the number of rows may
                grow, as where each prompt gets its beams, or shrink.
        """
        ...


def start_copies(decoder: Decoder, copies: int) -> Tensor:
    """Start a decoder with several continuations of each prompt; each prompt is read once.

    Returns:
        logits (B * copies, V); the copies of a prompt stand together.
    """
    logits = decoder.start()
    if copies == 1:
        return logits
    rows = torch.arange(len(logits), device=logits.device).repeat_interleave(copies)
    decoder.reorder(rows)
    return logits[rows]
