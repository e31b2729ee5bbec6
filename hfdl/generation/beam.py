"""Beam search: continue the K best unfinished sequences of each prompt, keep K finished ones.

A sequence y of L new tokens has the score ``sum_t log p(y_t | y_<t)`` while it runs; finished, that
is divided by ``L ** length_penalty``. (The search as in Sutskever et al. 2014, section 3.2,
arXiv:1409.3215; the penalty is a simpler one than that of Wu et al. 2016, section 7,
arXiv:1609.08144.)

The rules are those of transformers 5, so that results are equal:

* at each step the best ``K * max(2, 1 + number of stop tokens)`` candidates are considered, so that
  K are left to continue;
* of those that stop, only the ones among the best K count as finished;
* a prompt accepts no more once its K finished ones are better than its running ones can become.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from hfdl.generation.protocol import Decoder, start_copies
from hfdl.generation.sampling import Ending

EarlyStopping = bool | Literal["never"]


def beam_search(
    decoder: Decoder,
    ending: Ending,
    *,
    num_beams: int,
    length_penalty: float = 1.0,
    early_stopping: EarlyStopping = False,
) -> Hypotheses:
    """Search for the best continuations of each prompt.

    Args:
        decoder: B prompts.
        ending: when sequences end.
        num_beams: K.
        length_penalty: the exponent. Scores are negative, so above 0 it favours long sequences.
        early_stopping: when a prompt with K finished sequences is done. True: at once. False: when
            its best running one, if it ended now, would be no better than any of them.
            "never": when it would be no better even at the most favourable length.

    Returns:
        K finished sequences for each prompt.
    """
    longest, pad = ending.max_new_tokens, ending.pad_token_id
    logits = start_copies(decoder, num_beams)  # (B * K, V)
    batch = len(logits) // num_beams
    running = Beams.first(batch, num_beams, like=logits)
    done = Hypotheses.none(batch, num_beams, longest, pad, like=logits)
    closed = torch.zeros(batch, 1, dtype=torch.bool, device=logits.device)
    count = max(2, 1 + len(ending.stop_tokens)) * num_beams
    for length in range(1, longest + 1):
        candidates, origins = _expand(running, logits, count)
        stops = ending.is_stop(candidates.tokens[..., -1]) | (length == longest)  # (B, C)
        finished = stops & ~closed
        finished[:, num_beams:] = False
        done = done.add(candidates, finished, length**length_penalty, pad)
        running, order = _survivors(candidates, stops, num_beams)
        reach = longest if early_stopping == "never" and length_penalty > 0 else length
        hopeless = running.scores[:, :1] / reach**length_penalty <= done.worst  # (B, 1)
        closed = closed | (done.full & (hopeless | (early_stopping is True)))
        if bool(stops.all() | closed.all()):
            break
        decoder.reorder(_rows(origins.gather(1, order)))
        logits = decoder.step(running.tokens[..., -1].reshape(-1, 1))  # (B, K) -> (B * K, 1)
    return done


def _expand(running: Beams, logits: Tensor, count: int) -> tuple[Beams, Tensor]:
    """The best continuations by one token.

    Args:
        running: K sequences for each prompt.
        logits: (B * K, V).
        count: C; fewer where there are not as many.

    Returns:
        C candidates, best first, and the number of the beam that each continues, (B, C).
    """
    batch, beams = running.scores.shape
    log_probs = logits.log_softmax(dim=-1).view(batch, beams, -1)  # (B * K, V) -> (B, K, V)
    totals = (running.scores.unsqueeze(-1) + log_probs).flatten(1)  # (B, K, V) -> (B, K * V)
    scores, flat = totals.topk(min(count, totals.shape[1]), dim=1)  # (B, C)
    origins, tokens = flat // logits.shape[-1], flat % logits.shape[-1]
    longer = torch.cat([take(running.tokens, origins), tokens.unsqueeze(-1)], dim=-1)
    return Beams(longer, scores), origins


def _survivors(candidates: Beams, stops: Tensor, beams: int) -> tuple[Beams, Tensor]:
    """The best K candidates that do not stop, and their numbers, (B, K)."""
    scores = torch.where(stops, candidates.scores + DEAD, candidates.scores)
    order = scores.topk(beams, dim=1).indices
    return Beams(candidates.tokens, scores).take(order), order


def _rows(origins: Tensor) -> Tensor:
    """Beam numbers of each prompt as rows of the whole batch: (B, K) -> (B * K,)."""
    batch, beams = origins.shape
    first = torch.arange(batch, device=origins.device).unsqueeze(1) * beams
    return (first + origins).flatten()


# ---- The two sets of sequences of each prompt: unfinished and finished ---------------------------
# K beams, C candidates, L new tokens.

DEAD = -1e9
"""The score of sequences that cannot win. Finite, since it is still divided by lengths."""


@dataclass(frozen=True)
class Beams:
    """Unfinished sequences.

    Args:
        tokens: (B, K, L).
        scores: sum of the log-probabilities, (B, K).
    """

    tokens: Tensor
    scores: Tensor

    @classmethod
    def first(cls, batch: int, beams: int, like: Tensor) -> Beams:
        """K empty ones for each prompt. They are equal, so all but one start dead."""
        tokens = torch.zeros(batch, beams, 0, dtype=torch.long, device=like.device)
        scores = like.new_full((batch, beams), DEAD)
        scores[:, 0] = 0.0
        return cls(tokens, scores)

    def take(self, order: Tensor) -> Beams:
        """Those at ``order`` (B, K') along K."""
        return Beams(take(self.tokens, order), self.scores.gather(1, order))


@dataclass(frozen=True)
class Hypotheses:
    """Finished sequences, best first.

    Args:
        tokens: (B, K, max_new_tokens), padded on the right.
        scores: after the length penalty, (B, K).
        lengths: new tokens of each, its stop token among them, (B, K).
        finished: False where a place is still free, (B, K).
    """

    tokens: Tensor
    scores: Tensor
    lengths: Tensor
    finished: Tensor

    @classmethod
    def none(cls, batch: int, beams: int, width: int, pad: int, like: Tensor) -> Hypotheses:
        """K free places for each prompt, ``width`` tokens wide."""
        lengths = torch.zeros(batch, beams, dtype=torch.long, device=like.device)
        tokens = lengths.new_full((batch, beams, width), pad)
        return cls(tokens, like.new_full((batch, beams), DEAD), lengths, lengths.bool())

    @property
    def full(self) -> Tensor:
        """Whether a prompt has K finished sequences, (B, 1)."""
        return self.finished.all(dim=1, keepdim=True)

    @property
    def worst(self) -> Tensor:
        """The lowest score of a prompt's sequences, (B, 1)."""
        return self.scores.min(dim=1, keepdim=True).values

    def add(self, candidates: Beams, finished: Tensor, divisor: float, pad: int) -> Hypotheses:
        """The best K of these and of the candidates that finished.

        Args:
            candidates: C of them.
            finished: which of them count, (B, C).
            divisor: of their scores.
            pad: fills them up after their ends.
        """
        room = self.tokens.shape[-1] - candidates.tokens.shape[-1]
        new_tokens = F.pad(candidates.tokens, (0, room), value=pad)
        new_scores = torch.where(finished, candidates.scores / divisor, DEAD)
        new_lengths = torch.full_like(new_tokens[..., 0], candidates.tokens.shape[-1])
        scores = torch.cat([self.scores, new_scores], dim=1)  # (B, K + C)
        scores, best = scores.topk(self.scores.shape[1], dim=1)  # (B, K)
        return Hypotheses(
            take(torch.cat([self.tokens, new_tokens], dim=1), best),
            scores,
            torch.cat([self.lengths, new_lengths], dim=1).gather(1, best),
            torch.cat([self.finished, finished], dim=1).gather(1, best),
        )


def take(tokens: Tensor, order: Tensor) -> Tensor:
    """Sequences (B, K, L) at ``order`` (B, K') along K -> (B, K', L)."""
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
