"""Sampling: each next token is drawn from the model's distribution."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from hfdl.generation.protocol import Decoder
from hfdl.generation.stepwise import Ending, stepwise
from hfdl.generation.warpers import apply_temperature, keep_top_k, keep_top_p

Warp = Callable[[Tensor], Tensor]
"""Logits (B, V) -> logits (B, V)."""


def sample(
    decoder: Decoder, ending: Ending, warp: Warp, draw: Draw, *, copies: int = 1
) -> Iterator[Tensor]:
    """Continue each prompt by ``y_t ~ softmax(warp(z_t))``.

    Args:
        decoder: the prompts.
        ending: when rows end.
        warp: narrows the distribution; see `warper`.
        draw: draws for B * copies rows.
        copies: samples of each prompt.

    Yields:
        the tokens of one step, (B * copies,).
    """
    return stepwise(decoder, lambda logits: draw(warp(logits)), ending, copies=copies)


def warper(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Warp:
    """Temperature, then top-k, then top-p; None leaves one out."""

    def warp(logits: Tensor) -> Tensor:
        logits = apply_temperature(logits, temperature)
        if top_k is not None:
            logits = keep_top_k(logits, top_k)
        return logits if top_p is None else keep_top_p(logits, top_p)

    return warp


class Draw:
    """Draws one token for each row, by random numbers that belong to the row.

    The stream of a row is a function of (seed, prompt's place, copy's number): what the other
    prompts are, how many follow, and how many copies there are changes nothing for it. The numbers
    are made on the CPU, so every device gets the same.

    Args:
        seed: any integer.
        prompts: B.
        copies: samples of each prompt.
    """

    def __init__(self, seed: int, prompts: int, copies: int = 1) -> None:
        self.generators = [
            torch.Generator().manual_seed(_stream_seed(seed, prompt, copy))
            for prompt in range(prompts)
            for copy in range(copies)
        ]

    def __call__(self, logits: Tensor) -> Tensor:
        """Tokens (B,) drawn from softmax(logits), logits (B, V).

        One uniform number u for each row is put through the inverse of the cumulative distribution
        P (Devroye 1986, section III.2.1): the token is the first y with P(y) > u. It is done in
        float64, where neighbouring u lie 2**-53 apart; float32 would never draw rare tokens.
        """
        draws = [torch.rand(1, generator=g, dtype=torch.float64) for g in self.generators]
        cumulative = logits.double().softmax(dim=-1).cumsum(dim=-1)  # (B, V)
        # The sum of all is 1 but for rounding. u < 1, so u * sum < sum, and a token is found.
        threshold = torch.stack(draws).to(logits.device) * cumulative[:, -1:]  # (B, 1)
        return torch.searchsorted(cumulative, threshold, right=True).squeeze(1)


def _stream_seed(*parts: int) -> int:
    """A seed such that streams of neighbouring parts have nothing in common."""
    key = ":".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
