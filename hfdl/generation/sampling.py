"""Sampling and greedy search: the loop over tokens, and how each is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hfdl.generation.protocol import Decoder, start_copies

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

    The stream of a row is a function of (seed, index of the prompt, index of the copy): the other
    prompts, their number and the number of copies do not change it. The numbers are made on the
    CPU, so they are the same for every device.

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

        For one uniform number u per row the cumulative distribution P is inverted (Devroye 1986,
        section III.2.1): the token is the first y with P(y) > u. This is done in float64, where
        neighbouring u are 2**-53 apart; float32 would never draw rare tokens.
        """
        draws = [torch.rand(1, generator=g, dtype=torch.float64) for g in self.generators]
        cumulative = logits.double().softmax(dim=-1).cumsum(dim=-1)  # (B, V)
        # The sum is 1 up to rounding. u < 1, so u * sum < sum, and there is always a token.
        threshold = torch.stack(draws).to(logits.device) * cumulative[:, -1:]  # (B, 1)
        return torch.searchsorted(cumulative, threshold, right=True).squeeze(1)


def _stream_seed(*parts: int) -> int:
    """A seed such that streams of neighbouring parts are independent."""
    key = ":".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


# ---- Greedy search: always the most probable next token ------------------------------------------


def greedy(decoder: Decoder, ending: Ending) -> Iterator[Tensor]:
    """Continue each prompt by ``y_t = argmax_y p(y | y_<t)``; of equal ones, the smallest id.

    Args:
        decoder: the prompts.
        ending: when rows end.

    Yields:
        the tokens of one step, (B,).
    """
    return stepwise(decoder, lambda logits: logits.argmax(dim=-1), ending)


# ---- Narrowing the distribution before a token is drawn: pure functions of logits (..., V) -------
# A token that cannot be drawn gets the logit minus infinity. Applied in the order temperature,
# top-k, top-p, these give the distribution that transformers' ``generate`` draws from.


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """``p(y) ~ exp(z_y / temperature)``: below 1 sharper, above 1 flatter.

    The Boltzmann distribution of Ackley, Hinton and Sejnowski 1985
    (https://doi.org/10.1207/s15516709cog0901_7).

    Args:
        logits: z, (..., V).
        temperature: > 0.
    """
    return logits / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Keep the k most probable tokens (Fan et al. 2018, arXiv:1805.04833).

    Args:
        logits: (..., V).
        k: >= 1; all are kept where k exceeds V. Tokens equal to the k-th are kept too.
    """
    kth = logits.topk(min(k, logits.shape[-1]), dim=-1).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -float("inf"))


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the nucleus: the fewest tokens that together have probability p or more.

    Holtzman et al. 2019, section 3.1 (arXiv:1904.09751). A token is dropped where it and all less
    probable ones together have at most 1 - p. The most probable one stays.

    Args:
        logits: (..., V).
        p: in (0, 1].
    """
    ascending, tokens = logits.sort(dim=-1)
    mass = ascending.softmax(dim=-1).cumsum(dim=-1)
    dropped = mass <= 1.0 - p
    dropped[..., -1] = False
    return logits.masked_fill(dropped.scatter(-1, tokens, dropped), -float("inf"))


# ---- The loop of greedy search and sampling: choose a token for each row, append, repeat ---------

Choose = Callable[[Tensor], Tensor]
"""Logits (B, V) -> tokens (B,)."""


@dataclass(frozen=True)
class Ending:
    """When sequences end.

    Args:
        max_new_tokens: no row gets more.
        stop_tokens: a row ends with the first of these, which it keeps.
        pad_token_id: fills up a row after its end while others continue.
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
