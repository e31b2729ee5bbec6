"""ALBERT (Lan et al. 2020, https://arxiv.org/abs/1909.11942).

BERT with two changes that save parameters. The embeddings are factorised (section 3.1): a table
(V, E) and a projection (E, D) in the place of a table (V, D). And all layers share one block, so
that L layers cost the parameters of one.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; E width of the embeddings, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import encoder_attend, encoder_positions
from hfdl.models.init import init_weights
from hfdl.models.with_head import MaskedLM, ModelWithHead, SequenceClassifier
from hfdl.nn.attend import Collected
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PostNormBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import FeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import MaskedLMHead, Pooler, SequenceHead, TokenHead
from hfdl.nn.linear import Linear
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing
from hfdl.nn.positions import LearnedPositions
from hfdl.nn.stack import SharedStack


@dataclass(frozen=True, kw_only=True)
class AlbertConfig:
    """Sizes and settings, under transformers' names; the defaults are albert-base-v2's.

    Args:
        embedding_size: E, width of the embeddings.
        num_hidden_groups: G, how many blocks the layers share.
        classifier_dropout_prob: of the heads for texts and tokens.
        pooler: whether the bare model has a pooler.
        tie_word_embeddings: whether the masked-word head decodes by the token embedding.
    """

    vocab_size: int = 30000
    embedding_size: int = 128
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_hidden_groups: int = 1
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    pad_token_id: int | None = 0
    hidden_act: str = "gelu_new"
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    classifier_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    pooler: bool = True
    tie_word_embeddings: bool = True
    num_labels: int = 2


def albert_base() -> AlbertConfig:
    """albert-base-v2: 12 M parameters."""
    return AlbertConfig()


def albert_xxlarge() -> AlbertConfig:
    """albert-xxlarge-v2: 223 M parameters, which run as often as if they were 2.4 billion."""
    return AlbertConfig(hidden_size=4096, num_attention_heads=64, intermediate_size=16384)


class Albert(nn.Module):
    """The encoder without a head."""

    causal = False

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _embeddings(config)
        blocks = [_block(config, i) for i in range(config.num_hidden_groups)]
        self.layers = SharedStack(blocks, config.num_hidden_layers)
        self.pooler = Pooler(config.hidden_size) if config.pooler else None
        init_weights(self, config.initializer_range)

    def forward(
        self,
        input_ids: Int[Tensor, "*B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        token_type_ids: Int[Tensor, "*#B T"] | None = None,
        position_ids: Int[Tensor, "*#B T"] | None = None,
        inputs_embeds: Float[Tensor, "*B T E"] | None = None,
        packing: Packing | None = None,
        kernel: AttentionKernel = fused_attention,
        collect: Collected | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Encode a batch; arguments and result as ``hfdl.models.bert.Bert.forward``'s."""
        if position_ids is None:
            source = input_ids if input_ids is not None else inputs_embeds
            assert source is not None
            position_ids = encoder_positions(source, packing)
        x = self.embeddings(input_ids, position_ids, token_type_ids, inputs_embeds)
        return self.layers(x, encoder_attend(attention_mask, packing, kernel, collect))

    def positions_in(self, input_ids: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """The position of each token of a padded batch."""
        return encoder_positions(input_ids, None).expand_as(input_ids)


class AlbertForMaskedLM(MaskedLM):
    """ALBERT that predicts masked words."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(
            Albert(replace(config, pooler=False)),
            MaskedLMHead(
                config.hidden_size, config.vocab_size, embedding_size=config.embedding_size,
                activation=config.hidden_act, eps=config.layer_norm_eps,
            ),
            config.initializer_range,
            tied=config.tie_word_embeddings,
        )  # fmt: skip


class AlbertForSequenceClassification(SequenceClassifier):
    """ALBERT that labels texts."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(
            Albert(replace(config, pooler=False)),
            SequenceHead(
                config.hidden_size, config.num_labels, out_dropout=config.classifier_dropout_prob
            ),
            config.initializer_range,
        )


class AlbertForTokenClassification(ModelWithHead):
    """ALBERT that labels tokens."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(
            Albert(replace(config, pooler=False)),
            TokenHead(config.hidden_size, config.num_labels, config.classifier_dropout_prob),
            config.initializer_range,
        )


def _embeddings(config: AlbertConfig) -> Embeddings:
    width = config.embedding_size
    return Embeddings(
        nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id),
        positions=LearnedPositions(config.max_position_embeddings, width),
        token_types=nn.Embedding(config.type_vocab_size, width),
        norm=LayerNorm(width, config.layer_norm_eps),
        projection=Linear(width, config.hidden_size),
        dropout=config.hidden_dropout_prob,
    )


def _block(config: AlbertConfig, layer_idx: int) -> PostNormBlock:
    width, eps = config.hidden_size, config.layer_norm_eps
    return PostNormBlock(
        MultiHeadAttention(
            width, config.num_attention_heads, dropout=config.attention_probs_dropout_prob,
            layer_idx=layer_idx,
        ),
        FeedForward(width, config.intermediate_size, config.hidden_act),
        LayerNorm(width, eps),
        LayerNorm(width, eps),
        dropout=0.0,  # the original drops nothing behind the feed-forward
        attention_dropout=config.hidden_dropout_prob,
    )  # fmt: skip
