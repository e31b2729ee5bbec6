"""An encoder or a decoder to train from scratch: one stack of blocks, its positions chosen by name.

BERT and GPT-2 differ in who sees whom, in the order of norms, and in what is read off at the end.
Here the first is the class, the second a setting and the third a head. So that positions, norms
and activations can be compared, all else the same, each is one key of one config.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; S tokens so far, those of the past included; D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import (
    check_norm_order,
    decoder_attend,
    encoder_attend,
    next_positions,
)
from hfdl.models.init import init_weights, scale_residuals
from hfdl.models.position_choice import PositionConfig, RelativePositions, added_positions
from hfdl.models.with_head import (
    LastTokenClassifier,
    MaskedLM,
    ModelWithHead,
    SequenceClassifier,
)
from hfdl.nn.attend import Attend, Cache, Collected
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PostNormBlock, PreNormBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import FeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import CausalLMHead, LastTokenHead, MaskedLMHead, SequenceHead, TokenHead
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing
from hfdl.nn.stack import Stack


@dataclass(frozen=True, kw_only=True)
class OneStackConfig(PositionConfig):
    """Sizes and settings beside those of positions; the sizes are those of the paper's base model.

    Args:
        vocab_size: V.
        norm_order: ``pre``, x + f(norm(x)), with a norm behind the last block (GPT-2), which needs
            no warm-up; or ``post``, norm(x + f(x)), with a norm behind the embeddings (BERT).
        dropout: of embeddings and of what each sub-layer adds, and before a head for labels.
        attention_dropout, activation_dropout: of attention weights, and of the hidden numbers of
            the feed-forward layers.
        initializer_range: standard deviation of the first weights.
        tie_word_embeddings: decode words by the token embedding.
        pad_token_id: its embedding is not trained; None: there is none.
    """

    vocab_size: int = 8000
    num_hidden_layers: int = 6
    intermediate_size: int = 2048
    hidden_act: str = "gelu"
    norm_order: str = "pre"
    layer_norm_eps: float = 1e-5
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    pad_token_id: int | None = 0
    num_labels: int = 2

    def __post_init__(self) -> None:
        """Refuse an order of norms or a type of positions that does not exist.

        Raises:
            ConfigError: naming the key.
        """
        super().__post_init__()
        check_norm_order(self.norm_order)


class OneStack(nn.Module):
    """Embeddings, blocks and, with pre-norm, a last norm; ``causal`` says who sees whom."""

    causal: ClassVar[bool]

    def __init__(self, config: OneStackConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _embeddings(config)
        self.layers = Stack(_block(config, i) for i in range(config.num_hidden_layers))
        self.relative = RelativePositions(config, causal=self.causal)
        self.norm = _norm(config) if config.norm_order == "pre" else None
        init_weights(self, config.initializer_range)
        if config.norm_order == "pre":
            scale_residuals(self, config.initializer_range, config.num_hidden_layers)

    def forward(
        self,
        input_ids: Int[Tensor, "*B T"] | None = None,
        attention_mask: Shaped[Tensor, "B S"] | None = None,
        *,
        position_ids: Int[Tensor, "*#B T"] | None = None,
        token_type_ids: Int[Tensor, "*#B T"] | None = None,
        inputs_embeds: Float[Tensor, "*B T D"] | None = None,
        packing: Packing | None = None,
        cache: Cache | None = None,
        kernel: AttentionKernel = fused_attention,
        collect: Collected | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Read a batch.

        Args:
            input_ids: the tokens; or ``inputs_embeds``, their embeddings.
            attention_mask: 1 or True at real tokens, past and new; None where all are real.
            position_ids: of learned, sinusoidal and rotary positions; by default from the left
                edge, padding included, and on from the cache. ALiBi and T5 count distances in
                places of the row.
            token_type_ids: not looked at: there are no segments.
            packing: which text the tokens of a packed batch belong to.
            cache: of a decoder, keys and values of the past; the new ones are added to it.
            kernel: the attention.
            collect: takes each layer's attention weights where the kernel has them.

        Returns:
            the last hidden states.
        """
        source: Any = input_ids if inputs_embeds is None else inputs_embeds[..., 0]
        if position_ids is None:
            position_ids = next_positions(source.shape[-1], packing, cache, source.device)
        x = self.embeddings(input_ids, position_ids, inputs_embeds=inputs_embeds)
        attend = self._attend(x, attention_mask, packing, kernel, collect, cache)
        x = self.layers(x, attend, self.relative.rotation(position_ids, x))
        return x if self.norm is None else self.norm(x)

    def _attend(
        self,
        x: Float[Tensor, "*B T D"],
        attention_mask: Shaped[Tensor, "B S"] | None,
        packing: Packing | None,
        kernel: AttentionKernel,
        collect: Collected | None,
        cache: Cache | None,
    ) -> Attend:
        bias = self.relative.bias_for(x)
        if not self.causal:
            return encoder_attend(attention_mask, packing, kernel, collect, x=x, bias=bias)
        return decoder_attend(
            x.shape[-2], attention_mask, packing, kernel, collect, device=x.device, cache=cache,
            bias=bias,
        )  # fmt: skip

    def positions_in(self, input_ids: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """The position of each token of a padded batch."""
        return next_positions(input_ids.shape[1], None, None, input_ids.device).expand_as(input_ids)


class Encoder(OneStack):
    """Every token sees every other."""

    causal = False


class Decoder(OneStack):
    """Every token sees itself and what came before."""

    causal = True


class EncoderModel(nn.Module):
    """An encoder without a head, named as it is within those that have one."""

    pooler = None

    def __init__(self, config: OneStackConfig) -> None:
        super().__init__()
        self.backbone = Encoder(config)


class DecoderModel(nn.Module):
    """A decoder without a head."""

    def __init__(self, config: OneStackConfig) -> None:
        super().__init__()
        self.backbone = Decoder(config)


class EncoderForMaskedLM(MaskedLM):
    """An encoder that predicts masked words."""

    def __init__(self, config: OneStackConfig) -> None:
        head = MaskedLMHead(
            config.hidden_size, config.vocab_size, activation=config.hidden_act,
            eps=config.layer_norm_eps,
        )  # fmt: skip
        tied = config.tie_word_embeddings
        super().__init__(Encoder(config), head, config.initializer_range, tied=tied)


class EncoderForSequenceClassification(SequenceClassifier):
    """An encoder that labels texts by their first token."""

    def __init__(self, config: OneStackConfig) -> None:
        head = SequenceHead(config.hidden_size, config.num_labels, out_dropout=config.dropout)
        super().__init__(Encoder(config), head, config.initializer_range)


class EncoderForTokenClassification(ModelWithHead):
    """An encoder that labels tokens."""

    def __init__(self, config: OneStackConfig) -> None:
        head = TokenHead(config.hidden_size, config.num_labels, config.dropout)
        super().__init__(Encoder(config), head, config.initializer_range)


class DecoderForCausalLM(ModelWithHead):
    """A decoder that predicts the next word."""

    def __init__(self, config: OneStackConfig) -> None:
        head = CausalLMHead(config.hidden_size, config.vocab_size)
        tied = config.tie_word_embeddings
        super().__init__(Decoder(config), head, config.initializer_range, tied=tied)


class DecoderForSequenceClassification(LastTokenClassifier):
    """A decoder that labels texts by their last token."""

    def __init__(self, config: OneStackConfig) -> None:
        head = LastTokenHead(config.hidden_size, config.num_labels)
        super().__init__(Decoder(config), head, config.initializer_range)


class DecoderForTokenClassification(ModelWithHead):
    """A decoder that labels tokens, each from what came before it."""

    def __init__(self, config: OneStackConfig) -> None:
        head = TokenHead(config.hidden_size, config.num_labels, config.dropout)
        super().__init__(Decoder(config), head, config.initializer_range)


def _embeddings(config: OneStackConfig) -> Embeddings:
    """Tokens and, where they are added, positions.

    Sines and cosines are multiplied by the size of the tokens' first weights. The paper (section
    3.4) lifts the tokens to the size of the positions, which comes to the same between the two; but
    then the stream is large beside what blocks add to it, whose first weights are small here, and
    learning is slow.
    """
    width = config.hidden_size
    return Embeddings(
        nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id),
        positions=added_positions(config, config.initializer_range),
        norm=_norm(config) if config.norm_order == "post" else None,
        dropout=config.dropout,
    )


def _block(config: OneStackConfig, layer_idx: int) -> PreNormBlock | PostNormBlock:
    width = config.hidden_size
    block = PreNormBlock if config.norm_order == "pre" else PostNormBlock
    return block(
        MultiHeadAttention(
            width, config.num_attention_heads, dropout=config.attention_dropout,
            layer_idx=layer_idx,
        ),
        FeedForward(
            width, config.intermediate_size, config.hidden_act, config.activation_dropout
        ),
        _norm(config),
        _norm(config),
        config.dropout,
    )  # fmt: skip


def _norm(config: OneStackConfig) -> LayerNorm:
    return LayerNorm(config.hidden_size, config.layer_norm_eps)
