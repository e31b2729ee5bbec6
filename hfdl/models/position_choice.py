"""How a model that is trained from scratch knows where a token stands: a name in its config.

learned     a vector of each position is added to the embeddings (BERT, GPT-2); up to a greatest one
sinusoidal  sines and cosines are added (Vaswani et al. 2017)
rotary      queries and keys are turned by angles (Su et al. 2021; Llama)
alibi       scores fall with distance, by a slope of each head (Press et al. 2022; BLOOM, MPT)
t5          a learned number for each head and bucket of distances is added to the scores (T5)
none        nothing: an encoder then sees a set of tokens, and a decoder knows order from its mask

The first two are added where tokens become vectors; the others work in self-attention, in every
layer. Cross-attention has none of them, as T5's.

Shapes: *B T is B T of a padded batch and N, the tokens of all texts, of a packed one; D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hfdl.errors import ConfigError, did_you_mean
from hfdl.models.common import BiasOf
from hfdl.nn.positions import (
    AlibiBias,
    LearnedPositions,
    Rotary,
    Rotation,
    SinusoidalPositions,
    T5RelativeBias,
)

POSITION_TYPES = ("learned", "sinusoidal", "rotary", "alibi", "t5", "none")
"""What ``position_embedding_type`` may be."""
LEARNED_POSITIONS = 512
"""Learned positions, where nothing else is said."""

# Keys that mean something for one type alone.
_OF_ONE_TYPE: Mapping[str, str] = {
    "rope_theta": "rotary",
    "relative_attention_num_buckets": "t5",
    "relative_attention_max_distance": "t5",
}


@dataclass(frozen=True, kw_only=True)
class PositionConfig:
    """The choice and its settings, under the names that transformers' configs have for them.

    Args:
        hidden_size, num_attention_heads: D and H.
        position_embedding_type: one of ``POSITION_TYPES``.
        max_position_embeddings: most tokens in a row. Learned positions are a table of so many,
            512 where it is None; all others go on without an end, and then it limits what data and
            generation give the model, where it is not None.
        rope_theta: of rotary positions, the base of their frequencies.
        relative_attention_num_buckets, relative_attention_max_distance: of T5's, how many numbers
            each head learns, and the distance from which on all share the last one.
    """

    hidden_size: int = 512
    num_attention_heads: int = 8
    position_embedding_type: str = "rotary"
    max_position_embeddings: int | None = None
    rope_theta: float = 10000.0
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128

    def __post_init__(self) -> None:
        """Refuse a type that does not exist, and settings of another type.

        Raises:
            ConfigError: naming the key.
        """
        kind = self.position_embedding_type
        if kind not in POSITION_TYPES:
            raise ConfigError(
                f"unknown position_embedding_type {kind!r}",
                rule=f"there are: {', '.join(POSITION_TYPES)}",
                remedy=did_you_mean(kind, POSITION_TYPES),
            )
        if not self.rope_theta > 0:
            raise ConfigError(
                f"rope_theta is {self.rope_theta}",
                rule="the base of rotary frequencies is above 0, 10000 by default",
            )
        for key, only in _OF_ONE_TYPE.items():
            if kind != only and getattr(self, key) != getattr(PositionConfig, key):
                raise ConfigError(
                    f"{key} is given and position_embedding_type is {kind!r}",
                    rule=f"it is a setting of {only} positions",
                    remedy=f"leave it out, or choose position_embedding_type={only}",
                )


def added_positions(config: PositionConfig, factor: float = 1.0) -> nn.Module | None:
    """What is added to the embeddings: a module of positions (..., T) -> (..., T, D), or None.

    Args:
        config: says which.
        factor: what sines and cosines are multiplied by.
    """
    width, kind = config.hidden_size, config.position_embedding_type
    if kind == "learned":
        return LearnedPositions(config.max_position_embeddings or LEARNED_POSITIONS, width)
    # In float64: the embeddings round it to their own type.
    if kind == "sinusoidal":
        return SinusoidalPositions(width, dtype=torch.float64, factor=factor)
    return None


class RelativePositions(nn.Module):
    """What the self-attention of a stack knows of positions, once for all of its layers.

    Args:
        config: says which.
        causal: whether no token sees a later one. T5 then needs no buckets for them. ALiBi's bias
            is the same either way: -m |p - s| where later ones are seen.

    Raises:
        ShapeError: rotary positions of an odd head width, or buckets that do not fit.
    """

    def __init__(self, config: PositionConfig, *, causal: bool) -> None:
        super().__init__()
        kind, heads = config.position_embedding_type, config.num_attention_heads
        self.rotary = self.bias = None
        if kind == "rotary":
            self.rotary = Rotary(config.hidden_size // heads, config.rope_theta)
        elif kind == "alibi":
            self.bias = AlibiBias(heads)
        elif kind == "t5":
            self.bias = T5RelativeBias(
                config.relative_attention_num_buckets, config.relative_attention_max_distance,
                heads, bidirectional=not causal,
            )  # fmt: skip

    def rotation(
        self, positions: Int[Tensor, "*#B T"], x: Float[Tensor, "*B T D"]
    ) -> Rotation | None:
        """What turns queries and keys at these positions, in the type of x."""
        if self.rotary is None:
            return None
        cos, sin = self.rotary(positions)
        return cos.to(x.dtype), sin.to(x.dtype)

    def bias_for(self, x: Float[Tensor, "*B T D"]) -> BiasOf | None:
        """What makes the bias on the scores, in the type of x."""
        if isinstance(self.bias, AlibiBias):
            return partial(self.bias, dtype=x.dtype, device=x.device)
        bias: Any = self.bias
        return bias
