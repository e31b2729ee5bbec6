"""Convolutions over words for sentences (Kim 2014, https://arxiv.org/abs/1408.5882).

Each filter looks for one phrase of 3, 4 or 5 words; that it was found, not where, labels the text.

Shapes: B texts, T words, E width of word vectors, D filters of all widths.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.models.with_head import ModelWithHead
from hfdl.models.word_embeddings import WordEmbeddingConfig, word_embeddings
from hfdl.nn.activations import activation
from hfdl.nn.convolution import TextConvolution
from hfdl.nn.heads import TokenHead
from hfdl.nn.pooling import max_pool


@dataclass(frozen=True, kw_only=True)
class TextCnnConfig(WordEmbeddingConfig):
    """Sizes and settings; the defaults are the paper's (section 3.1).

    Args:
        embedding_size: E; word2vec's 300.
        widths: words in a window of each group of filters.
        num_filters: filters of each width.
        hidden_act: a name from ``hfdl.nn.activations``.
        dropout: before the last layer.

    Raises:
        ConfigError: there is no width, or one smaller than 1.
    """

    embedding_size: int = 300
    widths: tuple[int, ...] = (3, 4, 5)
    num_filters: int = 100
    hidden_act: str = "relu"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse windows that hold no word, and none at all."""
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(
                f"widths is {self.widths}", rule="there is a width, and each is 1 or more words"
            )


class TextCnn(nn.Module):
    """Embeddings, filters of several widths, and the greatest answer of each over the text."""

    def __init__(self, config: TextCnnConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = word_embeddings(config, config.embedding_size)
        self.convolutions = nn.ModuleList(
            TextConvolution(config.embedding_size, config.num_filters, width)
            for width in config.widths
        )
        self.activation = activation(config.hidden_act)

    @property
    def output_size(self) -> int:
        """D: the filters of all widths."""
        return self.config.num_filters * len(self.config.widths)

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        inputs_embeds: Float[Tensor, "B T E"] | None = None,
    ) -> Float[Tensor, "B D"]:
        """Look through a batch.

        Args:
            input_ids: the words; or ``inputs_embeds``, their vectors.
            attention_mask: 1 or True at real words; None where all are.

        Returns:
            the greatest output of each filter; zeros for a text without a word.
        """
        x = self.embeddings(input_ids, inputs_embeds=inputs_embeds)  # (B, T, E)
        pooled: list[Tensor] = []
        for convolution in self.convolutions:
            outputs, real = convolution(x, attention_mask)  # (B, W, F)
            pooled.append(max_pool(self.activation(outputs), real))  # (B, F)
        return torch.cat(pooled, dim=-1)


class TextCnnForSequenceClassification(ModelWithHead):
    """It labels texts."""

    def __init__(self, config: TextCnnConfig) -> None:
        backbone = TextCnn(config)
        super().__init__(
            backbone, TokenHead(backbone.output_size, config.num_labels, config.dropout)
        )
