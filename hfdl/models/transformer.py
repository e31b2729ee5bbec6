"""The encoder-decoder transformer (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

The encoder reads a source text once, into its memory. The decoder writes a target text token by
token: each position sees the target so far and, by cross-attention, the whole memory.

    P(y | x) = prod_t P(y_t | y_<t, x)

Shapes: B texts, S source tokens, T target tokens; *B S and *B T are B S and B T of a padded batch,
and the tokens of all texts of a packed one; P target tokens so far, those of the past included;
D width, V words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import (
    check_norm_order,
    decoder_attend,
    encoder_attend,
    next_positions,
    tie,
)
from hfdl.models.init import init_module
from hfdl.models.position_choice import PositionConfig, RelativePositions, added_positions
from hfdl.nn.attend import Attend, Cache, Collected, PackedAttend
from hfdl.nn.attention import MultiHeadAttention, Projected
from hfdl.nn.blocks import PostNormBlock, PostNormDecoderBlock, PreNormBlock, PreNormDecoderBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import FeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import CausalLMHead
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing
from hfdl.nn.stack import DecoderStack, Stack

Memory = Float[Tensor, "*B S D"] | Sequence[Projected]
"""The encoder's output, or its keys and values for each layer of the decoder."""

# norm_order -> the blocks of encoder and decoder. With pre-norm the residual stream itself is
# never normalised, so a norm stands behind the last block.
_BLOCKS = {
    "post": (PostNormBlock, PostNormDecoderBlock),
    "pre": (PreNormBlock, PreNormDecoderBlock),
}


@dataclass(frozen=True, kw_only=True)
class TransformerConfig(PositionConfig):
    """Sizes and settings; the defaults are the paper's base model (table 3).

    Positions are sinusoidal by default. ALiBi, T5's and rotary ones work in the self-attention of
    encoder and decoder, T5's with a table for each of the two.

    Args:
        vocab_size: V, of source and target together.
        norm_order: ``post``, norm(x + f(x)), the paper's; or ``pre``, x + f(norm(x)).
        dropout: of embeddings and of what each sub-layer adds (section 5.4).
        attention_dropout, activation_dropout: of attention weights and of the hidden numbers of
            the feed-forward layers; the paper has none, tensor2tensor's base model 0.1 of both.
        tie_word_embeddings: one matrix embeds source and target and decodes words (section 3.4).
        pad_token_id: its embedding is not trained; None: there is none.
    """

    vocab_size: int = 37000
    encoder_layers: int = 6
    decoder_layers: int = 6
    intermediate_size: int = 2048
    hidden_act: str = "relu"
    norm_order: str = "post"
    layer_norm_eps: float = 1e-5
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    tie_word_embeddings: bool = True
    pad_token_id: int | None = 0
    position_embedding_type: str = "sinusoidal"

    def __post_init__(self) -> None:
        """Refuse an order of norms or a type of positions that does not exist.

        Raises:
            ConfigError: naming the key.
        """
        super().__post_init__()
        check_norm_order(self.norm_order)


def transformer_base() -> TransformerConfig:
    """The paper's base model: 63 M parameters with its 37,000 tokens."""
    return TransformerConfig()


def transformer_big() -> TransformerConfig:
    """The paper's big model: 214 M parameters with its 37,000 tokens."""
    return TransformerConfig(
        hidden_size=1024, num_attention_heads=16, intermediate_size=4096, dropout=0.3
    )


class Encoder(nn.Module):
    """The left half of the paper's figure 1."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        block, _ = _BLOCKS[config.norm_order]
        self.embeddings = _embeddings(config)
        self.layers = Stack(
            block(
                _attention(config, i), _feed_forward(config), _norm(config), _norm(config),
                config.dropout,
            )
            for i in range(config.encoder_layers)
        )  # fmt: skip
        self.relative = RelativePositions(config, causal=False)
        self.norm = _norm(config) if config.norm_order == "pre" else None

    def forward(
        self, x: Float[Tensor, "*B S D"], positions: Int[Tensor, "*#B S"], attend: Attend
    ) -> Float[Tensor, "*B S D"]:
        """The memory of an embedded source."""
        x = self.layers(x, attend, self.relative.rotation(positions, x))
        return x if self.norm is None else self.norm(x)


class Decoder(nn.Module):
    """The right half of figure 1, without the last linear layer."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        _, block = _BLOCKS[config.norm_order]
        self.embeddings = _embeddings(config)
        self.layers = DecoderStack(
            block(
                _attention(config, i), _attention(config, i), _feed_forward(config),
                _norm(config), _norm(config), _norm(config), config.dropout,
            )
            for i in range(config.decoder_layers)
        )  # fmt: skip
        self.relative = RelativePositions(config, causal=True)
        self.norm = _norm(config) if config.norm_order == "pre" else None

    def project_memory(self, memory: Float[Tensor, "*B S D"]) -> list[Projected]:
        """Each layer's keys and values of a memory."""
        blocks = cast("Iterable[Any]", self.layers)
        return [block.cross_attention.project_memory(memory) for block in blocks]

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        positions: Int[Tensor, "*#B T"],
        memory: Memory,
        attend: Attend,
        cross: Attend,
    ) -> Float[Tensor, "*B T D"]:
        """The last hidden states of an embedded target."""
        memories = [memory] * len(self.layers) if isinstance(memory, Tensor) else memory
        x = self.layers(x, memories, attend, cross, self.relative.rotation(positions, x))
        return x if self.norm is None else self.norm(x)


class Transformer(nn.Module):
    """Encoder, decoder, and the linear layer that says the next word."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.head = CausalLMHead(config.hidden_size, config.vocab_size)
        self.apply(init_module)
        if config.tie_word_embeddings:
            self.decoder.embeddings.tokens = self.encoder.embeddings.tokens
            tie(self.head.decoder, self.encoder.embeddings.tokens)

    def encode(
        self,
        input_ids: Int[Tensor, "*B S"],
        attention_mask: Shaped[Tensor, "B S"] | None = None,
        *,
        packing: Packing | None = None,
        kernel: AttentionKernel = fused_attention,
        collect: Collected | None = None,
    ) -> Float[Tensor, "*B S D"]:
        """Read a source into its memory.

        Args:
            input_ids: the source.
            attention_mask: 1 or True at real tokens; None where all are real.
            packing: which text the tokens of a packed batch belong to.
            kernel: the attention.
            collect: takes each layer's attention weights where the kernel has them.
        """
        positions = next_positions(input_ids.shape[-1], packing, None, input_ids.device)
        x = self.encoder.embeddings(input_ids, positions)
        bias = self.encoder.relative.bias_for(x)
        attend = encoder_attend(attention_mask, packing, kernel, collect, x=x, bias=bias)
        return self.encoder(x, positions, attend)

    def project_memory(self, memory: Float[Tensor, "*B S D"]) -> list[Projected]:
        """A memory's keys and values for each layer, made once for all steps of a generation."""
        return self.decoder.project_memory(memory)

    def decode(
        self,
        decoder_input_ids: Int[Tensor, "*B T"],
        memory: Memory,
        attention_mask: Shaped[Tensor, "B S"] | None = None,
        *,
        decoder_attention_mask: Shaped[Tensor, "B P"] | None = None,
        packing: Packing | None = None,
        memory_packing: Packing | None = None,
        padded: bool = False,
        cache: Cache | None = None,
        kernel: AttentionKernel = fused_attention,
        collect: Collected | None = None,
        cross_collect: Collected | None = None,
    ) -> Float[Tensor, "... V"]:
        """The logits of the next word at each position of a target.

        Args:
            decoder_input_ids: the target shifted right by one.
            memory: what ``encode`` or ``project_memory`` gave, packed where the target is.
            attention_mask: of the source.
            decoder_attention_mask: of the target. Padding on the right needs none: no real token
                looks that way.
            packing, memory_packing: of packed targets and of their sources.
            padded: whether the logits of a packed batch are those of the padded one, (B, T, V):
                its padding has states of zero.
            cache: keys and values of the target so far; the new ones are added to it.
            kernel: the attention.
            collect, cross_collect: take the weights of self-attention and of cross-attention.
        """
        length, device = decoder_input_ids.shape[-1], decoder_input_ids.device
        positions = next_positions(length, packing, cache, device)
        x = self.decoder.embeddings(decoder_input_ids, positions)
        attend = decoder_attend(
            length, decoder_attention_mask, packing, kernel, collect, device=device, cache=cache,
            bias=self.decoder.relative.bias_for(x),
        )  # fmt: skip
        cross = encoder_attend(attention_mask, None, kernel, cross_collect)
        if packing is not None:
            cross = PackedAttend(packing, kernel, memory=memory_packing)
        states = self.decoder(x, positions, memory, attend, cross)
        # Not the logits: to pad those would cost more than the head of a little padding.
        return self.head(packing.unpack(states) if padded and packing is not None else states)

    def forward(
        self,
        input_ids: Int[Tensor, "B S"],
        attention_mask: Shaped[Tensor, "B S"] | None,
        decoder_input_ids: Int[Tensor, "B T"],
        **options: Any,
    ) -> Float[Tensor, "B T V"]:
        """Logits of a target, its true words given: see ``encode`` and ``decode``."""
        memory = self.encode(input_ids, attention_mask)
        return self.decode(decoder_input_ids, memory, attention_mask, **options)


def _embeddings(config: TransformerConfig) -> Embeddings:
    """sqrt(D) E[token] + PE(position), then dropout (sections 3.4 and 3.5).

    The factor lifts rows of length one to the size of the positions, so that one matrix can embed
    tokens and decode them.
    """
    width = config.hidden_size
    return Embeddings(
        nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id),
        positions=added_positions(config), scale=math.sqrt(width), dropout=config.dropout,
    )  # fmt: skip


def _attention(config: TransformerConfig, layer_idx: int) -> MultiHeadAttention:
    return MultiHeadAttention(
        config.hidden_size, config.num_attention_heads, dropout=config.attention_dropout,
        layer_idx=layer_idx,
    )  # fmt: skip


def _feed_forward(config: TransformerConfig) -> FeedForward:
    return FeedForward(
        config.hidden_size, config.intermediate_size, config.hidden_act, config.activation_dropout
    )


def _norm(config: TransformerConfig) -> LayerNorm:
    return LayerNorm(config.hidden_size, config.layer_norm_eps)
