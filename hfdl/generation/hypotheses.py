"""The two sets of sequences of each prompt in beam search: unfinished and finished.

K beams, C candidates, L new tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

DEAD = -1e9
"""The score of sequences that cannot win. Finite, since it is still divided by lengths."""


@dataclass(frozen=True)
class Beams:
    """Unfinished sequences.

    Args:
        tokens: (B, K, L).
        scores: sum of the log-probabilities, (B, K).
        log_probs: of each token, (B, K, L).
    """

    tokens: Tensor
    scores: Tensor
    log_probs: Tensor

    @classmethod
    def first(cls, batch: int, beams: int, like: Tensor) -> Beams:
        """K empty ones for each prompt. They are equal, so all but one start dead."""
        tokens = torch.zeros(batch, beams, 0, dtype=torch.long, device=like.device)
        scores = like.new_full((batch, beams), DEAD)
        scores[:, 0] = 0.0
        return cls(tokens, scores, scores.new_zeros(batch, beams, 0))

    def take(self, order: Tensor) -> Beams:
        """Those at ``order`` (B, K') along K."""
        return Beams(
            take(self.tokens, order), self.scores.gather(1, order), take(self.log_probs, order)
        )


@dataclass(frozen=True)
class Hypotheses:
    """Finished sequences, best first.

    Args:
        tokens: (B, K, max_new_tokens), padded on the right.
        scores: after the length penalty, (B, K).
        lengths: new tokens of each, its stop token among them, (B, K).
        finished: False where a place is still free, (B, K).
        log_probs: of each token, (B, K, max_new_tokens); 0 behind the end.
    """

    tokens: Tensor
    scores: Tensor
    lengths: Tensor
    finished: Tensor
    log_probs: Tensor

    @classmethod
    def none(cls, batch: int, beams: int, width: int, pad: int, like: Tensor) -> Hypotheses:
        """K free places for each prompt, ``width`` tokens wide."""
        lengths = torch.zeros(batch, beams, dtype=torch.long, device=like.device)
        tokens = lengths.new_full((batch, beams, width), pad)
        scores = like.new_full((batch, beams), DEAD)
        log_probs = like.new_zeros((batch, beams, width))
        return cls(tokens, scores, lengths, lengths.bool(), log_probs)

    @property
    def full(self) -> Tensor:
        """Whether a prompt has K finished sequences, (B, 1)."""
        return self.finished.all(dim=1, keepdim=True)

    def beaten_by(self, best: Tensor) -> Tensor:
        """Whether a score (B, 1) would take a place, free or not; bool, (B, 1)."""
        worst = self.scores.min(dim=1, keepdim=True).values
        return (best > torch.where(self.finished, worst, DEAD)).any(dim=1, keepdim=True)

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
        new_log_probs = F.pad(candidates.log_probs, (0, room))
        new_scores = torch.where(finished, candidates.scores / divisor, DEAD)
        new_lengths = torch.full_like(new_tokens[..., 0], candidates.tokens.shape[-1])
        scores = torch.cat([self.scores, new_scores], dim=1)  # (B, K + C)
        scores, best = scores.topk(self.scores.shape[1], dim=1)  # (B, K)
        return Hypotheses(
            take(torch.cat([self.tokens, new_tokens], dim=1), best),
            scores,
            torch.cat([self.lengths, new_lengths], dim=1).gather(1, best),
            torch.cat([self.finished, finished], dim=1).gather(1, best),
            take(torch.cat([self.log_probs, new_log_probs], dim=1), best),
        )


def take(tokens: Tensor, order: Tensor) -> Tensor:
    """Sequences (B, K, L) at ``order`` (B, K') along K -> (B, K', L)."""
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
