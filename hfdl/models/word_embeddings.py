"""Word embeddings, random or loaded, of the models older than transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hfdl.errors import ShapeError
from hfdl.models.init import init_weights
from hfdl.nn.embeddings import Embeddings


@dataclass(frozen=True, kw_only=True)
class WordEmbeddingConfig:
    """What every model over word vectors is told about them.

    Args:
        vocab_size: V; by default what a vocabulary of whole words takes, not of their pieces.
        pad_token_id: its vector is zero and is not trained; None: there is none.
        freeze_embeddings: whether the vectors stay as they are drawn or loaded (Kim's "static").
        initializer_range: standard deviation of new vectors. 0.1 is near word2vec's own, so
            that loaded and new words weigh the same, as in Kim 2014.
        num_labels: C.
    """

    vocab_size: int = 20_000
    pad_token_id: int | None = 0
    freeze_embeddings: bool = False
    initializer_range: float = 0.1
    num_labels: int = 2


def word_embeddings(config: WordEmbeddingConfig, width: int, dropout: float = 0.0) -> Embeddings:
    """Embeddings with random vectors."""
    tokens = nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
    embeddings = Embeddings(tokens, dropout=dropout)
    init_weights(embeddings, config.initializer_range)
    tokens.weight.requires_grad_(not config.freeze_embeddings)
    return embeddings


@torch.no_grad()
def load_word_vectors(embeddings: Embeddings, vectors: Any) -> None:
    """Take over vectors that were learned elsewhere, such as word2vec's.

    The vector of the padding token stays zero.

    Args:
        embeddings: of a model of these: ``model.backbone.embeddings``.
        vectors: (V, width), an array or a tensor; row i is the word with the id i.

    Raises:
        ShapeError: they are of another shape.
    """
    weight, loaded = embeddings.tokens.weight, torch.as_tensor(vectors)
    if loaded.shape != weight.shape:
        raise ShapeError(
            f"word vectors of shape {tuple(loaded.shape)} for embeddings of {tuple(weight.shape)}",
            rule="there is one row for each id of the vocabulary, as wide as embedding_size",
        )
    weight.copy_(loaded)
    if embeddings.tokens.padding_idx is not None:
        weight[embeddings.tokens.padding_idx] = 0.0
