"""Texts as sets of words, in no order: what every other model should be compared to.

``BagOfWords...`` is a linear model of word counts. ``DeepAveraging...`` averages word vectors and
looks at the mean (Iyyer et al. 2015, https://aclanthology.org/P15-1162): with no hidden layer it is
the averaged word vectors of Mikolov and a linear classifier.

Shapes: B texts, T words, E width of word vectors, D width of the last layer, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError, did_you_mean
from hfdl.models.with_head import ModelWithHead
from hfdl.models.word_embeddings import WordEmbeddingConfig, word_embeddings
from hfdl.nn.activations import activation
from hfdl.nn.heads import TokenHead
from hfdl.nn.lengths import real_steps
from hfdl.nn.linear import Linear
from hfdl.nn.pooling import mean_pool, sum_pool

_COUNTS = {"sum": sum_pool, "mean": mean_pool}


@dataclass(frozen=True, kw_only=True)
class BagOfWordsConfig(WordEmbeddingConfig):
    """Settings of the linear model.

    Args:
        initializer_range: of the first weights: 0, for its loss is convex and has one best answer,
            to which all first weights lead.
        counts: ``sum``, so that long texts speak louder, or ``mean``, of the words' shares.
    """

    initializer_range: float = 0.0
    counts: str = "sum"

    def __post_init__(self) -> None:
        """Refuse a way of counting that does not exist.

        Raises:
            ConfigError: ``counts`` is neither ``sum`` nor ``mean``.
        """
        if self.counts not in _COUNTS:
            raise ConfigError(
                f"unknown counts {self.counts!r}",
                rule=f"words are counted by {' or '.join(_COUNTS)}",
                remedy=did_you_mean(self.counts, _COUNTS),
            )


class BagOfWordsForSequenceClassification(nn.Module):
    """logits = sum over the words of W[word] + b: logistic regression on counts.

    One weight for each word and class stands in an embedding as wide as there are classes, so that
    no vector of V counts is ever made.
    """

    def __init__(self, config: BagOfWordsConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = word_embeddings(config, config.num_labels)
        self.bias = nn.Parameter(torch.zeros(config.num_labels))
        self.pool = _COUNTS[config.counts]

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        inputs_embeds: Float[Tensor, "B T C"] | None = None,
    ) -> Float[Tensor, "B C"]:
        """Label a batch.

        Args:
            input_ids: the words; or ``inputs_embeds``, the weights of each word.
            attention_mask: 1 or True at real words; None where all are.

        Returns:
            the logits of texts.
        """
        weights = self.embeddings(input_ids, inputs_embeds=inputs_embeds)  # (B, T, C)
        return self.pool(weights, attention_mask) + self.bias


@dataclass(frozen=True, kw_only=True)
class DeepAveragingConfig(WordEmbeddingConfig):
    """Sizes and settings; the defaults are near the paper's.

    Args:
        embedding_size: E; word2vec's and GloVe's 300.
        hidden_size: of each hidden layer.
        num_hidden_layers: 0 or more; 0 is a linear model of the mean, and the paper finds two or
            three best.
        hidden_act: a name from ``hfdl.nn.activations``.
        word_dropout: probability of leaving a word out of the mean, in training; the paper's.
        dropout: before the last layer.
    """

    embedding_size: int = 300
    hidden_size: int = 300
    num_hidden_layers: int = 2
    hidden_act: str = "relu"
    word_dropout: float = 0.3
    dropout: float = 0.0


class DeepAveraging(nn.Module):
    """The mean word vector and the hidden layers above it."""

    def __init__(self, config: DeepAveragingConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = word_embeddings(config, config.embedding_size)
        widths = [config.embedding_size, *[config.hidden_size] * config.num_hidden_layers]
        self.layers = nn.ModuleList(Linear(*pair) for pair in pairwise(widths))
        self.activation = activation(config.hidden_act)
        self.output_size = widths[-1]

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        inputs_embeds: Float[Tensor, "B T E"] | None = None,
    ) -> Float[Tensor, "B D"]:
        """Average a batch.

        Args:
            input_ids: the words; or ``inputs_embeds``, their vectors.
            attention_mask: 1 or True at real words; None where all are.
        """
        words = self.embeddings(input_ids, inputs_embeds=inputs_embeds)  # (B, T, E)
        x = mean_pool(words, self._kept(real_steps(words, attention_mask)))  # (B, E)
        for layer in self.layers:
            x = self.activation(layer(x))
        return x

    def _kept(self, real: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
        """The real words that are not dropped."""
        if not self.training:
            return real
        return real & (torch.rand(real.shape, device=real.device) >= self.config.word_dropout)


class DeepAveragingForSequenceClassification(ModelWithHead):
    """It labels texts."""

    def __init__(self, config: DeepAveragingConfig) -> None:
        backbone = DeepAveraging(config)
        super().__init__(
            backbone, TokenHead(backbone.output_size, config.num_labels, config.dropout)
        )
