"""What makes one vector for a text of an encoder's states: pooling, then perhaps a few layers.

Reimers and Gurevych 2019 (https://arxiv.org/abs/1908.10084), as the models that are saved by
sentence-transformers have it: poolings side by side, dense layers, layer norms, unit length.

Shapes: B batch, T tokens, D width of a state, E width of a vector.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.errors import ConfigError, did_you_mean
from hfdl.nn.lengths import real_steps
from hfdl.nn.linear import Linear
from hfdl.nn.pooling import (
    Pooling,
    first_state,
    last_state,
    max_pool,
    mean_pool,
    mean_sqrt_pool,
    weighted_mean_pool,
)

WEIGHTED = "weightedmean"
SENTENCE_POOLINGS: dict[str, Pooling] = {
    "cls": first_state,
    "max": max_pool,
    "mean": mean_pool,
    "mean_sqrt_len_tokens": mean_sqrt_pool,
    WEIGHTED: weighted_mean_pool,
    "lasttoken": last_state,
}
"""sentence-transformers' names. Where several are on they stand side by side in this order."""


class SentenceDense(nn.Module):
    """activation(W x + b), and x itself (or W' x, where the widths differ) added on request."""

    def __init__(
        self,
        width: int,
        out_width: int,
        activation: nn.Module,
        *,
        bias: bool = True,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.linear = Linear(width, out_width, bias=bias)
        self.activation = activation
        self.adds_input = residual
        if residual and width != out_width:
            self.residual = Linear(width, out_width, bias=False)

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B E"]:
        """The vectors in their new width."""
        out = self.activation(self.linear(x))
        if not self.adds_input:
            return out
        return out + (self.residual(x) if hasattr(self, "residual") else x)


class SentenceNorm(nn.Module):
    """A layer norm of vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """Each vector with mean 0 and variance 1, then scaled and shifted."""
        return self.norm(x)


class UnitLength(nn.Module):
    """Vectors of length 1, so that their dot product is their cosine."""

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """x / |x|; a vector of zeros stays one."""
        return F.normalize(x, dim=-1)


class SentenceHead(nn.Module):
    """States of tokens to vectors of texts.

    Args:
        poolings: names of ``SENTENCE_POOLINGS``; their vectors stand side by side.
        layers: what the pooled vector goes through.
        include_prompt: whether the tokens of a prompt count; the instructions of some models only
            steer the states of the text.

    Raises:
        ConfigError: there is no such pooling.
    """

    def __init__(
        self,
        poolings: Iterable[str],
        layers: Iterable[nn.Module] = (),
        *,
        include_prompt: bool = True,
    ) -> None:
        super().__init__()
        self.poolings = tuple(poolings)
        for name in self.poolings:
            if name not in SENTENCE_POOLINGS:
                raise ConfigError(
                    f"unknown pooling {name!r}",
                    where="pooling",
                    remedy=did_you_mean(name, SENTENCE_POOLINGS),
                )
        self.layers = nn.Sequential(*layers)
        self.include_prompt = include_prompt

    def forward(
        self,
        states: Float[Tensor, "B T D"],
        mask: Shaped[Tensor, "B T"],
        prompt_length: int = 0,
    ) -> Float[Tensor, "B E"]:
        """The vectors of a batch.

        Args:
            states: the encoder's last ones.
            mask: 1 at real tokens.
            prompt_length: how many tokens at the start of each text are the prompt's.
        """
        places = real_steps(states, mask).cumsum(1) * mask  # (B, T); from 1, 0 at padding
        skipped = 0 if self.include_prompt else prompt_length
        read = places > skipped  # (B, T)
        pooled = [self._pool(name, states, read, places) for name in self.poolings]
        return self.layers(torch.cat(pooled, dim=-1))

    def _pool(
        self,
        name: str,
        states: Float[Tensor, "B T D"],
        read: Shaped[Tensor, "B T"],
        places: Shaped[Tensor, "B T"],
    ) -> Float[Tensor, "B D"]:
        if name == WEIGHTED:  # behind a prompt the places are still counted from its start
            return weighted_mean_pool(states, read, places)
        return SENTENCE_POOLINGS[name](states, read)
