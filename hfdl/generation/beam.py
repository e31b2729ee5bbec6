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

from typing import Literal

import torch
from torch import Tensor

from hfdl.generation.ending import Ending
from hfdl.generation.hypotheses import DEAD, Beams, Hypotheses, take
from hfdl.generation.protocol import Decoder, start_copies
from hfdl.generation.sampling import Process, unprocessed

EarlyStopping = bool | Literal["never"]


def beam_search(
    decoder: Decoder,
    ending: Ending,
    *,
    num_beams: int,
    length_penalty: float = 1.0,
    early_stopping: EarlyStopping = False,
    process: Process = unprocessed,
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
        process: what log-probabilities become before the best are taken.

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
        scores = process(running.tokens.flatten(0, 1), logits.log_softmax(dim=-1))  # (B * K, V)
        candidates, origins = _expand(running, scores, count)
        stops = ending.ends(candidates.tokens)  # (B, C)
        finished = stops & ~closed
        finished[:, num_beams:] = False
        done = done.add(candidates, finished, length**length_penalty, pad)
        running, order = _survivors(candidates, stops, num_beams)
        reach = ending.reach(running.scores)  # (B, 1)
        if early_stopping != "never" or length_penalty <= 0:
            reach = torch.full_like(reach, length)
        hopeless = ~done.beaten_by(running.scores[:, :1] / reach**length_penalty)  # (B, 1)
        closed = closed | hopeless | (done.full & (early_stopping is True))
        if bool(stops.all() | closed.all()):
            break
        decoder.reorder(_rows(origins.gather(1, order)))
        logits = decoder.step(running.tokens[..., -1].reshape(-1, 1))  # (B, K) -> (B * K, 1)
    return done


def _expand(running: Beams, log_probs: Tensor, count: int) -> tuple[Beams, Tensor]:
    """The best continuations by one token.

    Args:
        running: K sequences for each prompt.
        log_probs: processed, (B * K, V).
        count: C; fewer where there are not as many.

    Returns:
        C candidates, best first, and the number of the beam that each continues, (B, C).
    """
    batch, beams = running.scores.shape
    vocabulary = log_probs.shape[-1]
    each = log_probs.view(batch, beams, vocabulary)  # (B * K, V) -> (B, K, V)
    totals = (running.scores.unsqueeze(-1) + each).flatten(1)  # (B, K, V) -> (B, K * V)
    scores, flat = totals.topk(min(count, totals.shape[1]), dim=1)  # (B, C)
    origins, tokens = flat // vocabulary, flat % vocabulary
    own = each.flatten(1).gather(1, flat)  # (B, C)
    return Beams(
        torch.cat([take(running.tokens, origins), tokens.unsqueeze(-1)], dim=-1),
        scores,
        torch.cat([take(running.log_probs, origins), own.unsqueeze(-1)], dim=-1),
    ), origins


def _survivors(candidates: Beams, stops: Tensor, beams: int) -> tuple[Beams, Tensor]:
    """The best K candidates that do not stop, and their numbers, (B, K)."""
    scores = torch.where(stops, candidates.scores + DEAD, candidates.scores)
    order = scores.topk(beams, dim=1).indices
    return Beams(candidates.tokens, scores, candidates.log_probs).take(order), order


def _rows(origins: Tensor) -> Tensor:
    """Beam numbers of each prompt as rows of the whole batch: (B, K) -> (B * K,)."""
    batch, beams = origins.shape
    first = torch.arange(batch, device=origins.device).unsqueeze(1) * beams
    return (first + origins).flatten()
