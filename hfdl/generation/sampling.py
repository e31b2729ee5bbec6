"""Sampling and greedy search: the loop over tokens, and how each is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hfdl.generation.ending import Ending
from hfdl.generation.protocol import Decoder, start_copies
from hfdl.generation.warpers import Warp

Process = Callable[[Tensor, Tensor], Tensor]
"""(new tokens so far (N, L), scores (N, V)) -> scores (N, V)."""
Choose = Callable[[Tensor], Tensor]
"""Scores (N, V) -> tokens (N,)."""


def unprocessed(written: Tensor, scores: Tensor) -> Tensor:
    """The scores as they are."""
    del written
    return scores


def sample(
    decoder: Decoder, ending: Ending, warp: Warp, draw: Draw, *, copies: int = 1
) -> Iterator[Tensor]:
    """Continue each prompt by ``y_t ~ softmax(warp(z_t))``.

    Args:
        decoder: the prompts.
        ending: when rows end.
        warp: narrows the distribution; see ``hfdl.generation.warpers``.
        draw: draws for B * copies rows.
        copies: samples of each prompt.

    Yields:
        the tokens of one step, (B * copies,).
    """
    return stepwise(decoder, lambda logits: draw(warp(logits)), ending, copies=copies)


def greedy(decoder: Decoder, ending: Ending) -> Iterator[Tensor]:
    """Continue each prompt by ``y_t = argmax_y p(y | y_<t)``; of equal ones, the smallest id.

    Args:
        decoder: the prompts.
        ending: when rows end.

    Yields:
        the tokens of one step, (B,).
    """
    return stepwise(decoder, likeliest, ending)


def likeliest(scores: Tensor) -> Tensor:
    """The token of the highest score in each row, (N, V) -> (N,)."""
    return scores.argmax(dim=-1)


class Draw:
    """Draws one token for each row, by random numbers that belong to the row.

    The stream of a row is a function of (seed, index of the prompt, index of the copy): the other
    prompts, their number and the number of copies do not change it. The numbers are made on the
    CPU, so they are the same for every device.

    Args:
        seed: any integer; or one for each prompt, which then draws as it would alone.
        prompts: B.
        copies: samples of each prompt.
    """

    def __init__(self, seed: int | Sequence[int], prompts: int, copies: int = 1) -> None:
        first = (
            [(seed, prompt) for prompt in range(prompts)]
            if isinstance(seed, int)
            else [(own, 0) for own in seed]
        )
        self.generators = [
            torch.Generator().manual_seed(_stream_seed(*prompt, copy))
            for prompt in first
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


# ---- The loop of greedy search and sampling: choose a token for each row, append, repeat ---------


@dataclass
class Trace:
    """How probable the tokens of each step were, (N,) each.

    Args:
        log_probs: log p of each row's token, by the processed scores; 0 of rows that have ended.
        running: which rows had not ended.
    """

    log_probs: list[Tensor] = field(default_factory=list)
    running: list[Tensor] = field(default_factory=list)

    def add(self, scores: Tensor, chosen: Tensor, ended: Tensor) -> None:
        """Note a step: scores (N, V), tokens (N,) and whether a row had ended before, (N,)."""
        found = scores.log_softmax(-1).gather(1, chosen.unsqueeze(1)).squeeze(1)
        self.log_probs.append(found.masked_fill(ended, 0.0))
        self.running.append(~ended)


def stepwise(
    decoder: Decoder,
    choose: Choose,
    ending: Ending,
    *,
    copies: int = 1,
    process: Process = unprocessed,
    trace: Trace | None = None,
) -> Iterator[Tensor]:
    """Continue every row until each has stopped.

    Args:
        decoder: the prompts.
        choose: picks each row's next token.
        ending: when rows end.
        copies: continuations of each prompt.
        process: what the scores become before a token is chosen.
        trace: takes how probable the tokens were.

    Yields:
        the tokens of one step, (B * copies,); padding for rows that have ended.
    """
    logits = start_copies(decoder, copies)
    ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    written = ended.new_zeros((len(logits), 0), dtype=torch.long)
    for count in range(1, ending.max_new_tokens + 1):
        scores = process(written, logits)
        chosen = choose(scores)
        if trace is not None:
            trace.add(scores, chosen, ended)
        tokens = chosen.masked_fill(ended, ending.pad_token_id)
        written = torch.cat([written, tokens.unsqueeze(1)], dim=1)
        yield tokens
        running = ~ended.view(-1, copies)
        ended = ended | ending.ends(written.view(-1, copies, count), running).flatten()
        if count == ending.max_new_tokens or bool(ended.all()):
            return
        logits = decoder.step(tokens.unsqueeze(1))  # (B,) -> (B, 1)
