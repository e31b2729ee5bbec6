"""The loop that greedy search and sampling share: choose a token for each row, append, repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hfdl.generation.protocol import Decoder, start_copies

Choose = Callable[[Tensor], Tensor]
"""Logits (B, V) -> tokens (B,)."""


@dataclass(frozen=True)
class Ending:
    """When sequences end.

    Args:
        max_new_tokens: no row gets more.
        stop_tokens: a row ends with the first of these, which it keeps.
        pad_token_id: what stands behind the end of a row while others go on.
    """

    max_new_tokens: int
    stop_tokens: tuple[int, ...] = ()
    pad_token_id: int = 0

    def is_stop(self, tokens: Tensor) -> Tensor:
        """Which tokens are stop tokens; bool, of any shape."""
        return torch.isin(tokens, tokens.new_tensor(self.stop_tokens))


def stepwise(
    decoder: Decoder, choose: Choose, ending: Ending, *, copies: int = 1
) -> Iterator[Tensor]:
    """Continue every row until each has stopped.

    Args:
        decoder: the prompts.
        choose: picks each row's next token.
        ending: when rows end.
        copies: continuations of each prompt.

    Yields:
        the tokens of one step, (B * copies,); padding for rows that have ended.
    """
    logits = start_copies(decoder, copies)
    ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    for count in range(1, ending.max_new_tokens + 1):
        tokens = choose(logits).masked_fill(ended, ending.pad_token_id)
        yield tokens
        ended = ended | ending.is_stop(tokens)
        if count == ending.max_new_tokens or bool(ended.all()):
            return
        logits = decoder.step(tokens.unsqueeze(1))  # (B,) -> (B, 1)
