"""When a sequence ends: by a token, by its length, or by what its text has come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

StopText = Callable[[int, list[int]], bool]
"""(number of the prompt, its new tokens) -> whether its text has come to an end."""


@dataclass(frozen=True)
class Ending:
    """When sequences end.

    Args:
        max_new_tokens: no row gets more.
        stop_tokens: a row ends with the first of these, which it keeps.
        pad_token_id: fills up a row after its end while others continue.
        limits: the most new tokens of each prompt, (B,); None: ``max_new_tokens`` for all.
        stop_text: ends a row with the token that brings its text there, which it keeps.
    """

    max_new_tokens: int
    stop_tokens: tuple[int, ...] = ()
    pad_token_id: int = 0
    limits: Tensor | None = None
    stop_text: StopText | None = None

    def is_stop(self, tokens: Tensor) -> Tensor:
        """Which tokens are stop tokens; bool, of any shape."""
        return torch.isin(tokens, tokens.new_tensor(self.stop_tokens))

    def ends(self, written: Tensor, running: Tensor | None = None) -> Tensor:
        """Which sequences end with their last token.

        Args:
            written: new tokens of C sequences for each prompt, (B, C, L).
            running: which of them are asked about, (B, C); None: all.

        Returns:
            bool, (B, C).
        """
        length = written.shape[-1]
        ended = self.is_stop(written[..., -1])
        reached: Tensor | bool = length >= self.max_new_tokens
        if self.limits is not None:
            reached = (length >= self.limits).unsqueeze(1)
        ended = ended | reached
        if self.stop_text is None:
            return ended
        asked = ~ended if running is None else ~ended & running
        for prompt, row in torch.nonzero(asked).tolist():
            ended[prompt, row] = self.stop_text(prompt, written[prompt, row].tolist())
        return ended

    def reach(self, like: Tensor) -> Tensor:
        """The most new tokens of each prompt, (B, 1)."""
        if self.limits is None:
            return torch.full_like(like[:, :1], self.max_new_tokens)
        return self.limits.to(like).unsqueeze(1)
