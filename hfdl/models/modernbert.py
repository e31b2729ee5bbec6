"""ModernBERT (Warner et al. 2024, https://arxiv.org/abs/2412.13663).

BERT with what decoders have learned since (section 2.1): rotary positions, norms before each part,
a gated feed-forward (GeGLU), no biases. Most layers attend to a window around each token; every
third attends to the whole text, and its rotation turns more slowly, for distances are longer.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; E width of the embeddings, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.models.common import encoder_attend, encoder_positions, first_token, mean_of_tokens
from hfdl.models.init import init_weights, scale_residuals
from hfdl.models.with_head import MaskedLM, ModelWithHead, SequenceClassifier
from hfdl.nn.attend import Collected
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PreNormBlock
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import GatedFeedForward
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import MaskedLMHead, PredictionHead
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing
from hfdl.nn.positions import Rotary, Rotation
from hfdl.nn.stack import Stack


@dataclass(frozen=True, kw_only=True)
class ModernBertConfig:
    """Sizes and settings, under transformers' names where it has one.

    Args:
        windows: for each layer, a token sees itself and less than this many positions to each side;
            None: the whole text.
        rope_thetas: for each layer the base of its rotary frequencies.
        attention_bias, mlp_bias, norm_bias, classifier_bias, decoder_bias: which layers have a
            bias; ``classifier_bias`` is that of the dense layer in the heads.
        attention_dropout: of attention weights, and of what attention adds.
        classifier_pooling: what the head for texts reads, the first token ("cls") or the "mean".
    """

    vocab_size: int = 50368
    hidden_size: int = 768
    num_hidden_layers: int = 22
    num_attention_heads: int = 12
    intermediate_size: int = 1152
    max_position_embeddings: int = 8192
    pad_token_id: int | None = 50283
    hidden_activation: str = "gelu"
    norm_eps: float = 1e-5
    windows: tuple[int | None, ...] | None = None
    rope_thetas: tuple[float, ...] | None = None
    attention_bias: bool = False
    mlp_bias: bool = False
    norm_bias: bool = False
    classifier_bias: bool = False
    decoder_bias: bool = True
    embedding_dropout: float = 0.0
    attention_dropout: float = 0.0
    mlp_dropout: float = 0.0
    classifier_pooling: str = "mean"
    classifier_activation: str = "gelu"
    classifier_dropout: float = 0.0
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    num_labels: int = 2

    @property
    def layer_windows(self) -> tuple[int | None, ...]:
        """The window of each layer; by default 65, and none in every third from the first on."""
        return self.windows or tuple(65 if i % 3 else None for i in range(self.num_hidden_layers))

    @property
    def layer_thetas(self) -> tuple[float, ...]:
        """The rotary base of each layer; by default 10,000, and 160,000 in every third."""
        default = (10e3 if i % 3 else 160e3 for i in range(self.num_hidden_layers))
        return self.rope_thetas or tuple(default)


def modernbert_base() -> ModernBertConfig:
    """answerdotai/ModernBERT-base: 149 M parameters."""
    return ModernBertConfig()


def modernbert_large() -> ModernBertConfig:
    """answerdotai/ModernBERT-large: 395 M parameters."""
    return ModernBertConfig(
        hidden_size=1024, num_hidden_layers=28, num_attention_heads=16, intermediate_size=2624
    )


class ModernBert(nn.Module):
    """The encoder without a head."""

    causal = False
    pooler = None

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.embeddings = Embeddings(
            nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id),
            norm=_norm(config),
            dropout=config.embedding_dropout,
        )
        head_size = width // config.num_attention_heads
        self.rotaries = nn.ModuleList(
            Rotary(head_size, theta) for theta in dict.fromkeys(config.layer_thetas)
        )
        self.layers = Stack(_block(config, i) for i in range(config.num_hidden_layers))
        self.norm = _norm(config)
        init_weights(self, config.initializer_range)
        scale_residuals(self, config.initializer_range, config.num_hidden_layers)

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
        """Encode a batch as ``hfdl.models.bert.Bert.forward``; ``token_type_ids`` are not read."""
        x = self.embeddings(input_ids, inputs_embeds=inputs_embeds)  # (..., T, D)
        if position_ids is None:
            position_ids = encoder_positions(x, packing)
        windows = self.config.layer_windows
        attends = {
            window: encoder_attend(attention_mask, packing, kernel, collect, window=window, x=x)
            for window in {*windows}
        }
        rotations = self._rotations(position_ids, x)
        return self.norm(self.layers(x, [attends[window] for window in windows], rotations))

    def _rotations(
        self, position_ids: Int[Tensor, "*#B T"], x: Float[Tensor, "*B T D"]
    ) -> list[Rotation]:
        """The rotation of each layer, in the type of x."""
        thetas = list(dict.fromkeys(self.config.layer_thetas))
        tables = [rotary(position_ids) for rotary in self.rotaries]
        tables = [(cos.to(x.dtype), sin.to(x.dtype)) for cos, sin in tables]
        return [tables[thetas.index(theta)] for theta in self.config.layer_thetas]

    def positions_in(self, input_ids: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """The position of each token of a padded batch."""
        return encoder_positions(input_ids, None).expand_as(input_ids)


class ModernBertForMaskedLM(MaskedLM):
    """ModernBERT that predicts masked words."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(
            ModernBert(config),
            MaskedLMHead(
                config.hidden_size, config.vocab_size, activation=config.classifier_activation,
                eps=config.norm_eps, bias=config.classifier_bias, norm_bias=config.norm_bias,
                decoder_bias=config.decoder_bias,
            ),
            config.initializer_range,
            tied=config.tie_word_embeddings,
        )  # fmt: skip


class ModernBertForSequenceClassification(SequenceClassifier):
    """ModernBERT that labels texts."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(ModernBert(config), _label_head(config), config.initializer_range)

    def pool(
        self,
        hidden: Float[Tensor, "*B T D"],
        attention_mask: Shaped[Tensor, "B T"] | None,
        packing: Packing | None,
    ) -> Float[Tensor, "B D"]:
        """The input of the head: the first token's state, or the mean of all."""
        if self.backbone.config.classifier_pooling == "cls":
            return first_token(hidden, packing)
        return mean_of_tokens(hidden, attention_mask, packing)


class ModernBertForTokenClassification(ModelWithHead):
    """ModernBERT that labels tokens."""

    def __init__(self, config: ModernBertConfig) -> None:
        super().__init__(ModernBert(config), _label_head(config), config.initializer_range)


def _norm(config: ModernBertConfig) -> LayerNorm:
    return LayerNorm(config.hidden_size, config.norm_eps, bias=config.norm_bias)


def _label_head(config: ModernBertConfig) -> PredictionHead:
    return PredictionHead(
        config.hidden_size, config.num_labels, activation=config.classifier_activation,
        eps=config.norm_eps, bias=config.classifier_bias, norm_bias=config.norm_bias,
        dropout=config.classifier_dropout,
    )  # fmt: skip


def _block(config: ModernBertConfig, layer_idx: int) -> PreNormBlock:
    width, bias = config.hidden_size, config.attention_bias
    return PreNormBlock(
        MultiHeadAttention(
            width, config.num_attention_heads, bias=bias, out_bias=bias,
            dropout=config.attention_dropout, layer_idx=layer_idx,
        ),
        GatedFeedForward(
            width, config.intermediate_size, config.hidden_activation, config.mlp_bias,
            config.mlp_dropout,
        ),
        _norm(config) if layer_idx else nn.Identity(),  # the embeddings are normalised already
        _norm(config),
        attention_dropout=config.attention_dropout,
    )  # fmt: skip
