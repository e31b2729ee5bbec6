"""Texts read word by word with an RNN, LSTM or GRU: one label, a label a word, or the next word.

Many-to-one, many-to-many and language model, the three uses that transformers took over.

Shapes: B texts, T words, E width of word vectors, D width of the states, C labels, V words of the
vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.models.common import tie
from hfdl.models.with_head import ModelWithHead
from hfdl.models.word_embeddings import WordEmbeddingConfig, word_embeddings
from hfdl.nn.dropout import Dropout
from hfdl.nn.heads import CausalLMHead, TokenHead
from hfdl.nn.pooling import check_pooling, pooling
from hfdl.nn.recurrence import State
from hfdl.nn.recurrent import Recurrent, check_kind


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig(WordEmbeddingConfig):
    """Sizes and settings; the defaults train in minutes on a CPU.

    Args:
        kind: ``rnn``, ``lstm`` or ``gru``. The gradients of an RNN vanish over a few words, those
            of the other two need not.
        embedding_size: E; ``hidden_size`` where it is None, so that words can be decoded by the
            embedding. 300 for word2vec's or GloVe's published vectors.
        hidden_size: H, of each direction.
        num_hidden_layers: one above the other; a second one helps where there is much text.
        bidirectional: read from right to left, too: for labels, not for the next word.
        dropout: of all that is handed on but the state: of embeddings, between layers and before
            the head (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).
        pooling: one of ``hfdl.nn.pooling.POOLINGS``, of the head for texts.
        tie_word_embeddings: whether the head for words decodes by the word embedding.
    """

    kind: str = "lstm"
    embedding_size: int | None = None
    hidden_size: int = 256
    num_hidden_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.2
    pooling: str = "last"
    tie_word_embeddings: bool = True

    def __post_init__(self) -> None:
        """Refuse what does not exist.

        Raises:
            ConfigError: an unknown ``kind`` or ``pooling``.
        """
        check_kind(self.kind)
        check_pooling(self.pooling)


class RecurrentModel(nn.Module):
    """Word embeddings and the layers that read them, without a head."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.config = config
        width = config.embedding_size or config.hidden_size
        self.embeddings = word_embeddings(config, width, config.dropout)
        self.layers = Recurrent(
            config.kind, width, config.hidden_size, num_layers=config.num_hidden_layers,
            bidirectional=config.bidirectional, dropout=config.dropout,
        )  # fmt: skip

    @property
    def output_size(self) -> int:
        """Width of the states: H, or 2 H of both directions."""
        return self.layers.output_size

    def read(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        *,
        inputs_embeds: Float[Tensor, "B T E"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "B T D"], State]:
        """Read a batch, or read on.

        Args:
            input_ids: the words; or ``inputs_embeds``, their vectors.
            attention_mask: 1 or True at real words; None where all are. Padding may stand anywhere.
            state: of what was read before.

        Returns:
            the states of the last layer, zeros at padding; and the state to read on with, as
            ``hfdl.nn.Recurrent`` gives it.
        """
        x = self.embeddings(input_ids, inputs_embeds=inputs_embeds)
        return self.layers(x, attention_mask, state=state)

    def forward(self, *args: Any, **kwargs: Any) -> Float[Tensor, "B T D"]:
        """The states of the last layer; arguments as for ``read``."""
        return self.read(*args, **kwargs)[0]


class RecurrentForSequenceClassification(nn.Module):
    """Many-to-one: it labels texts."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.backbone = RecurrentModel(config)
        width = self.backbone.output_size
        self.pool = pooling(config.pooling, width, bidirectional=config.bidirectional)
        self.head = TokenHead(width, config.num_labels, config.dropout)  # of what was pooled

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Shaped[Tensor, "B T"] | None = None,
        **kwargs: Any,
    ) -> Float[Tensor, "B C"]:
        """The logits of texts; arguments as for ``RecurrentModel``."""
        states = self.backbone(input_ids, attention_mask, **kwargs)  # (B, T, D)
        return self.head(self.pool(states, attention_mask))


class RecurrentForTokenClassification(ModelWithHead):
    """Many-to-many: it labels words."""

    def __init__(self, config: RecurrentConfig) -> None:
        backbone = RecurrentModel(config)
        super().__init__(
            backbone, TokenHead(backbone.output_size, config.num_labels, config.dropout)
        )


class RecurrentForCausalLM(nn.Module):
    """It says the next word (Mikolov et al. 2010).

    Raises:
        ConfigError: the config reads in both directions, or ties embeddings of another width than
            the states.
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        _check_causal(config)
        self.backbone = RecurrentModel(config)
        self.dropout = Dropout(config.dropout)
        self.head = CausalLMHead(config.hidden_size, config.vocab_size)
        if config.tie_word_embeddings:
            tie(self.head.decoder, self.backbone.embeddings.tokens)

    def forward(self, *args: Any, **kwargs: Any) -> Float[Tensor, "B T V"]:
        """The logits of the next words; arguments as for ``RecurrentModel``."""
        return self.head(self.dropout(self.backbone(*args, **kwargs)))

    def read(self, *args: Any, **kwargs: Any) -> tuple[Float[Tensor, "B T V"], State]:
        """Logits and the state to go on from: one word a call, whatever the text's length."""
        states, state = self.backbone.read(*args, **kwargs)
        return self.head(self.dropout(states)), state


def _check_causal(config: RecurrentConfig) -> None:
    if config.bidirectional:
        raise ConfigError(
            "bidirectional is True in a model of the next word",
            rule="from right to left it would read the very word that it is asked for",
            remedy="set bidirectional=False",
        )
    width = config.embedding_size or config.hidden_size
    if config.tie_word_embeddings and width != config.hidden_size:
        raise ConfigError(
            f"tied embeddings with embedding_size {width} and hidden_size {config.hidden_size}",
            rule="one matrix embeds and decodes words, so the two are equal",
            remedy="make them equal, or set tie_word_embeddings=False",
        )
