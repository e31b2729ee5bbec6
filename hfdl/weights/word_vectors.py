"""Pretrained word vectors for the embeddings of a new model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hfdl.errors import ConfigError, DataError
from hfdl.models.word_embeddings import load_word_vectors

KEY = "model.vectors"


@dataclass(frozen=True)
class FoundVectors:
    """The vectors of those words of a vocabulary that a file has.

    Args:
        source: the file.
        ids: (N,), which tokens they are of.
        vectors: (N, D).
        words: how many words the vocabulary has, special tokens left out.
    """

    source: str
    ids: torch.Tensor
    vectors: torch.Tensor
    words: int

    @property
    def width(self) -> int:
        """D, the numbers in one vector."""
        return self.vectors.shape[1]

    @property
    def fact(self) -> str:
        """How many were found, as a line for a person."""
        share = 100 * len(self.ids) / self.words
        return (
            f"word vectors: {len(self.ids):,} of the vocabulary's {self.words:,} words "
            f"({share:.1f} %) are in {self.source}; the others begin at random"
        )


def find_vectors(path: str, tokenizer: Any) -> FoundVectors:
    """Look up a tokenizer's words in a file of the word2vec text format.

    A word that is not there as it stands is looked for in other cases: the first that differs from
    it in nothing else, which files put before the rarer ones.

    Args:
        path: the file.
        tokenizer: its tokens are words.

    Raises:
        DataError: the file is absent or damaged (the message names the line), or has none of the
            words.
    """
    from hfdl.foundations.words.vector_files import read_vectors

    file = Path(path).expanduser()
    file_words, vectors = read_vectors(file)
    rows = {word: row for row, word in enumerate(file_words)}
    folded: dict[str, int] = {}
    for word, row in rows.items():
        folded.setdefault(word.lower(), row)
    special = set(tokenizer.all_special_ids)
    vocabulary = {word: i for word, i in tokenizer.get_vocab().items() if i not in special}
    pairs = sorted(
        (i, rows[word] if word in rows else folded[word])
        for word, i in vocabulary.items()
        if word in rows or word in folded
    )
    if not pairs:
        raise DataError(
            f"it has none of the {len(vocabulary):,} words of the vocabulary, {_some(vocabulary)}",
            where=str(file),
            rule=f"{KEY} holds words as the tokenizer cuts them, among others {_some(file_words)}",
            remedy=f"name another file, or set {KEY}=null",
        )
    return FoundVectors(
        str(file),
        torch.tensor([i for i, _ in pairs]),
        torch.from_numpy(vectors[[row for _, row in pairs]]),
        len(vocabulary),
    )


def with_their_width(sizes: dict[str, Any], found: FoundVectors) -> dict[str, Any]:
    """The sizes of a model that takes these vectors.

    Raises:
        ConfigError: ``embedding_size`` is given, and is another.
    """
    width = sizes.get("embedding_size")
    if width not in (None, found.width):
        raise ConfigError(
            f"{width} numbers a word, but {found.width} in {found.source}",
            where="model.config.embedding_size",
            rule="embeddings are as wide as the vectors that they are filled with",
            remedy="leave it out",
        )
    return {**sizes, "embedding_size": found.width}


@torch.no_grad()
def fill_embeddings(model: Any, found: FoundVectors) -> str:
    """Put vectors into the embeddings of a small model.

    Returns:
        the name of the parameter, which is not random any more.
    """
    weight = model.embeddings.tokens.weight  # (V, D)
    filled = weight.detach().clone()
    filled[found.ids] = found.vectors.to(weight.dtype)
    load_word_vectors(model.embeddings, filled)
    return next(name for name, parameter in model.named_parameters() if parameter is weight)


def _some(words: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(repr(word) for word in list(words)[:3]) or "none"
