"""GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").

A decoder: every token sees itself and what came before, so that each position may be asked for
the next word.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; S tokens so far, those of the past included; D width.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import decoder_attend, next_positions
from hfdl.models.init import init_weights, scale_residuals
from hfdl.models.with_head import LastTokenClassifier, ModelWithHead
from hfdl.nn.attend import Cache, Collected
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PreNormBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import FeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import CausalLMHead, LastTokenHead, TokenHead
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing
from hfdl.nn.positions import LearnedPositions
from hfdl.nn.stack import Stack


@dataclass(frozen=True, kw_only=True)
class Gpt2Config:
    """Sizes and settings; the defaults are gpt2's (124 M parameters).

    Args:
        intermediate_size: F; 4 D where it is None.
        scale_by_layer: divide the scores of layer i by i + 1 (transformers'
            ``scale_attn_by_inverse_layer_idx``).
        scale_scores: False leaves 1 / sqrt(K) out (``scale_attn_weights``).
    """

    vocab_size: int = 50257
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int | None = None
    max_position_embeddings: int = 1024
    hidden_act: str = "gelu_new"
    layer_norm_eps: float = 1e-5
    embedding_dropout: float = 0.1
    hidden_dropout: float = 0.1
    attention_dropout: float = 0.1
    initializer_range: float = 0.02
    scale_scores: bool = True
    scale_by_layer: bool = False
    tie_word_embeddings: bool = True
    num_labels: int = 2
    token_dropout: float = 0.1


def gpt2_small() -> Gpt2Config:
    """gpt2: 124 M parameters."""
    return Gpt2Config()


def gpt2_medium() -> Gpt2Config:
    """gpt2-medium: 355 M parameters."""
    return Gpt2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16)


def distilgpt2() -> Gpt2Config:
    """distilgpt2: 82 M parameters."""
    return Gpt2Config(num_hidden_layers=6)


class Gpt2(nn.Module):
    """The decoder without a head."""

    causal = True

    def __init__(self, config: Gpt2Config) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.embeddings = Embeddings(
            nn.Embedding(config.vocab_size, width),
            positions=LearnedPositions(config.max_position_embeddings, width),
            dropout=config.embedding_dropout,
        )
        self.layers = Stack(_block(config, i) for i in range(config.num_hidden_layers))
        self.norm = LayerNorm(width, config.layer_norm_eps)
        init_weights(self, config.initializer_range)
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
        """Decode a batch.

        Args:
            input_ids: the tokens; or ``inputs_embeds``, their embeddings.
            attention_mask: 1 or True at real tokens, past and new; None where all are real.
            position_ids: by default they go on from the cache. Padding on the left counts, unless
                they are given.
            token_type_ids: their token embeddings are added, as the original's.
            packing: which text the tokens of a packed batch belong to.
            cache: keys and values of the past; the new ones are added to it.
            kernel: the attention.
            collect: takes each layer's attention weights where the kernel has them.

        Returns:
            the last hidden states.
        """
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.embeddings.tokens(input_ids)
        assert inputs_embeds is not None
        length, device = inputs_embeds.shape[-2], inputs_embeds.device
        if position_ids is None:
            position_ids = next_positions(length, packing, cache, device)
        if token_type_ids is not None:
            inputs_embeds = inputs_embeds + self.embeddings.tokens(token_type_ids)
        x = self.embeddings(None, position_ids, inputs_embeds=inputs_embeds)
        attend = decoder_attend(
            length, attention_mask, packing, kernel, collect, device=device, cache=cache
        )
        return self.norm(self.layers(x, attend))


class Gpt2ForCausalLM(ModelWithHead):
    """GPT-2 that predicts the next word."""

    def __init__(self, config: Gpt2Config) -> None:
        super().__init__(
            Gpt2(config),
            CausalLMHead(config.hidden_size, config.vocab_size),
            config.initializer_range,
            tied=config.tie_word_embeddings,
        )


class Gpt2ForSequenceClassification(LastTokenClassifier):
    """GPT-2 that labels texts by their last token."""

    def __init__(self, config: Gpt2Config) -> None:
        super().__init__(
            Gpt2(config),
            LastTokenHead(config.hidden_size, config.num_labels),
            config.initializer_range,
        )


class Gpt2ForTokenClassification(ModelWithHead):
    """GPT-2 that labels tokens, each from what came before it."""

    def __init__(self, config: Gpt2Config) -> None:
        super().__init__(
            Gpt2(config),
            TokenHead(config.hidden_size, config.num_labels, config.token_dropout),
            config.initializer_range,
        )


def _block(config: Gpt2Config, layer_idx: int) -> PreNormBlock:
    width, eps = config.hidden_size, config.layer_norm_eps
    scale = (width // config.num_attention_heads) ** -0.5 if config.scale_scores else 1.0
    if config.scale_by_layer:
        scale /= layer_idx + 1
    return PreNormBlock(
        MultiHeadAttention(
            width, config.num_attention_heads, scale=scale, dropout=config.attention_dropout,
            layer_idx=layer_idx,
        ),
        FeedForward(width, config.intermediate_size or 4 * width, config.hidden_act),
        LayerNorm(width, eps),
        LayerNorm(width, eps),
        config.hidden_dropout,
    )  # fmt: skip
