"""BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) and its kin.

An encoder: every token sees every other, in both directions. RoBERTa, DistilBERT and ELECTRA are
the same model with other settings, which stand in their presets.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; E width of the embeddings, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import encoder_attend, encoder_positions, padded_positions
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
from hfdl.nn.stack import Stack


@dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Sizes and settings, under transformers' names where it has one.

    Args:
        embedding_size: width of the embeddings; ``hidden_size`` where it is None.
        type_vocab_size: number of segments; 0 for a model without them.
        padding_positions: True where positions count real tokens from ``pad_token_id`` + 1, as
            RoBERTa's do; else they count from 0.
        pooler: whether the bare model has a pooler.
        attention_output_dropout: of what attention adds; ``hidden_dropout_prob`` where it is None.
        masked_lm_activation: of the head for words; ``hidden_act`` where it is None.
        sequence_activation, sequence_in_dropout, sequence_out_dropout: of the head for texts.
        token_dropout: of the head for tokens.
        tie_word_embeddings: whether the masked-word head decodes by the token embedding.
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    embedding_size: int | None = None
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    pad_token_id: int | None = 0
    padding_positions: bool = False
    hidden_act: str = "gelu"
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    attention_output_dropout: float | None = None
    initializer_range: float = 0.02
    pooler: bool = True
    masked_lm_activation: str | None = None
    tie_word_embeddings: bool = True
    num_labels: int = 2
    sequence_activation: str = "tanh"
    sequence_in_dropout: float = 0.0
    sequence_out_dropout: float = 0.1
    token_dropout: float = 0.1


def bert_base() -> BertConfig:
    """bert-base-uncased: 110 M parameters."""
    return BertConfig()


def minilm_l6() -> BertConfig:
    """all-MiniLM-L6-v2 (Wang et al. 2020, https://arxiv.org/abs/2002.10957): 23 M parameters."""
    return BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )


def roberta_base() -> BertConfig:
    """roberta-base (Liu et al. 2019, https://arxiv.org/abs/1907.11692): 125 M parameters."""
    return BertConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1,
        padding_positions=True, layer_norm_eps=1e-5, sequence_in_dropout=0.1,
    )  # fmt: skip


def distilbert_base() -> BertConfig:
    """distilbert-base-uncased (Sanh et al. 2019, https://arxiv.org/abs/1910.01108): 66 M."""
    return BertConfig(
        num_hidden_layers=6, type_vocab_size=0, pooler=False, attention_output_dropout=0.0,
        sequence_activation="relu", sequence_out_dropout=0.2,
    )  # fmt: skip


def electra_small() -> BertConfig:
    """google/electra-small (Clark et al. 2020, https://arxiv.org/abs/2003.10555): 14 M."""
    return BertConfig(
        hidden_size=256, embedding_size=128, num_attention_heads=4, intermediate_size=1024,
        pooler=False, sequence_activation="gelu", sequence_in_dropout=0.1,
    )  # fmt: skip


class Bert(nn.Module):
    """The encoder without a head."""

    causal = False

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _embeddings(config)
        self.layers = Stack(_block(config, i) for i in range(config.num_hidden_layers))
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
        """Encode a batch.

        Args:
            input_ids: the tokens; or ``inputs_embeds``, their embeddings.
            attention_mask: 1 or True at real tokens; None where all are real. It is not looked at
                in a packed batch.
            token_type_ids, position_ids: by default 0, and from the left.
            packing: which text the tokens of a packed batch belong to.
            kernel: the attention.
            collect: takes each layer's attention weights where the kernel has them.

        Returns:
            the last hidden states.
        """
        if position_ids is None:
            position_ids = self._positions(input_ids, inputs_embeds, packing)
        x = self.embeddings(input_ids, position_ids, token_type_ids, inputs_embeds)
        return self.layers(x, encoder_attend(attention_mask, packing, kernel, collect))

    def _positions(
        self,
        input_ids: Int[Tensor, "*B T"] | None,
        embeds: Float[Tensor, "*B T E"] | None,
        packing: Packing | None,
    ) -> Int[Tensor, "*#B T"]:
        first = 0
        if self.config.padding_positions:
            assert self.config.pad_token_id is not None
            first = self.config.pad_token_id + 1
            if packing is None and input_ids is not None:
                return padded_positions(input_ids, self.config.pad_token_id)
        source = input_ids if input_ids is not None else embeds
        assert source is not None
        return encoder_positions(source, packing) + first

    def positions_in(self, input_ids: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """The position of each token of a padded batch."""
        return self._positions(input_ids, None, None).expand_as(input_ids)


class BertForMaskedLM(MaskedLM):
    """BERT that predicts masked words."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(
            Bert(replace(config, pooler=False)),
            MaskedLMHead(
                config.hidden_size, config.vocab_size, embedding_size=config.embedding_size,
                activation=config.masked_lm_activation or config.hidden_act,
                eps=config.layer_norm_eps,
            ),
            config.initializer_range,
            tied=config.tie_word_embeddings,
        )  # fmt: skip


class BertForSequenceClassification(SequenceClassifier):
    """BERT that labels texts."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(
            Bert(replace(config, pooler=False)),
            SequenceHead(
                config.hidden_size, config.num_labels, activation=config.sequence_activation,
                in_dropout=config.sequence_in_dropout, out_dropout=config.sequence_out_dropout,
            ),
            config.initializer_range,
        )  # fmt: skip


class BertForTokenClassification(ModelWithHead):
    """BERT that labels tokens."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(
            Bert(replace(config, pooler=False)),
            TokenHead(config.hidden_size, config.num_labels, config.token_dropout),
            config.initializer_range,
        )


def _embeddings(config: BertConfig) -> Embeddings:
    width = config.embedding_size or config.hidden_size
    types = config.type_vocab_size
    narrow = width != config.hidden_size
    return Embeddings(
        nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id),
        positions=LearnedPositions(
            config.max_position_embeddings, width,
            padding_idx=config.pad_token_id if config.padding_positions else None,
        ),
        token_types=nn.Embedding(types, width) if types else None,
        norm=LayerNorm(width, config.layer_norm_eps),
        projection=Linear(width, config.hidden_size) if narrow else None,
        dropout=config.hidden_dropout_prob,
    )  # fmt: skip


def _block(config: BertConfig, layer_idx: int) -> PostNormBlock:
    width, eps = config.hidden_size, config.layer_norm_eps
    return PostNormBlock(
        MultiHeadAttention(
            width, config.num_attention_heads, dropout=config.attention_probs_dropout_prob,
            layer_idx=layer_idx,
        ),
        FeedForward(width, config.intermediate_size, config.hidden_act),
        LayerNorm(width, eps),
        LayerNorm(width, eps),
        config.hidden_dropout_prob,
        config.attention_output_dropout,
    )  # fmt: skip
