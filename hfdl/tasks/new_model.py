"""New models with random weights: their tokenizer, sizes and word vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import KINDS, learn_bpe, learn_tokenizer
from hfdl.errors import ConfigError
from hfdl.hf_models.from_config import (
    architectures,
    build_new_model,
    check_sizes,
    new_config,
    own_architecture,
    reads_both_ways,
)
from hfdl.hf_models.own_architectures import OWN
from hfdl.models.transformer import TransformerConfig
from hfdl.weights.families.name_table import Head
from hfdl.weights.names import SCHEME
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_tokenizer import load_tokenizer
from hfdl.weights.word_vectors import (
    KEY,
    FoundVectors,
    fill_embeddings,
    find_vectors,
    with_their_width,
)

PIECES, WORDS = 8000, 20_000
"""Pieces, and whole words, to learn where the recipe does not say how many."""
_NOUNS = {"characters": "characters", "words": "words"}


class NewModel:
    """A model that is trained from random weights, before and after its tokenizer is known.

    Args:
        head: a key of ``hfdl.hf_models.from_config.HEADS``.
        model: the recipe's section; names an architecture.

    Raises:
        ConfigError: an unknown architecture or size; vectors for a model that takes none.
        ModelError: the tokenizer that the recipe names cannot be found or opened.
    """

    def __init__(self, head: Head, model: ModelConfig) -> None:
        self.head: Head = head
        self.model = model
        check_sizes(head, model)
        _check_takes_vectors(head, model)
        self.tokenizer: Any = given_tokenizer(model)
        self.vectors: FoundVectors | None = None
        self.facts: list[str] = []
        if self.tokenizer is not None:
            self._look_up_vectors()

    def learn(self, texts: Iterable[str]) -> None:
        """Learn the tokenizer from the training texts, where the recipe names none.

        Raises:
            ConfigError: too few pieces, or embeddings of another width than the vectors.
            DataError: the file of vectors is absent or damaged, or has none of the words.
        """
        self.tokenizer, fact = learned_tokenizer(self.head, self.model, texts)
        self.facts.append(fact)
        self._look_up_vectors()

    def config(self, **settings: Any) -> Any:
        """Its transformers config, once the tokenizer is known."""
        return new_config(self.head, self.model, self.tokenizer, **settings)

    def build(self, **settings: Any) -> tuple[torch.nn.Module, list[str]]:
        """The model, and the names of its random parameters.

        Args:
            settings: keys of the transformers config: labels, problem type.
        """
        model, random = build_new_model(self.head, self.model, self.tokenizer, **settings)
        if self.vectors is not None:
            random.remove(fill_embeddings(model, self.vectors))
        return model, random

    def _look_up_vectors(self) -> None:
        if self.model.vectors is None:
            return
        self.vectors = find_vectors(self.model.vectors, self.tokenizer)
        self.facts.append(self.vectors.fact)
        sizes = with_their_width(self.model.config or {}, self.vectors)
        self.model = self.model.model_copy(update={"config": sizes})


def given_tokenizer(model: ModelConfig) -> Any:
    """The tokenizer that the recipe names for a new model; None: it is learned from the data.

    Raises:
        ModelError: it cannot be found or opened.
    """
    if model.tokenizer is None or model.tokenizer in KINDS:
        return None
    folder = Path(model.tokenizer).expanduser()
    return load_tokenizer(folder if folder.is_dir() else find_model(model.tokenizer, weights=False))


def learned_tokenizer(head: Head, model: ModelConfig, texts: Iterable[str]) -> tuple[Any, str]:
    """A tokenizer for a new model, learned from the training texts, and a fact about it.

    An encoder-decoder has one for sources and targets. For the others, where the recipe names no
    kind, it is ``words`` for the models over whole words, ``wordpiece`` for encoders and ``bpe``
    for the rest.

    Args:
        head: a key of ``hfdl.hf_models.from_config.HEADS``.
        model: the recipe's section.
        texts: of the training split.

    Raises:
        ConfigError: no such kind, or too few pieces.
    """
    sizes = model.config or {}
    if head == "seq2seq":
        tokenizer = learn_bpe(texts, sizes.get("vocab_size", TransformerConfig.vocab_size))
        noun = "pieces"
    else:
        own, is_encoder = own_architecture(model), reads_both_ways(model)
        reads_words = own is not None and own.reads_words
        usual = "words" if reads_words else "wordpiece" if is_encoder else "bpe"
        kind = model.tokenizer or usual
        size = sizes.get("vocab_size", WORDS if kind == "words" else PIECES)
        # Special tokens frame a text for encoders alone; a mask is among them.
        tokenizer = learn_tokenizer(kind, texts, size, masks=is_encoder)
        noun = _NOUNS.get(kind, f"pieces ({kind})")
    return tokenizer, f"vocabulary: {len(tokenizer):,} {noun} learned from train"


def refuse_parts_of_a_new_model(model: ModelConfig) -> None:
    """Refuse to give a saved model a tokenizer or word vectors: it has its own.

    Raises:
        ConfigError: ``model.tokenizer`` or ``model.vectors`` is given.
    """
    for key, what in (("tokenizer", "a tokenizer"), ("vectors", "embeddings")):
        if getattr(model, key) is not None:
            raise ConfigError(
                f"{model.name} has {what} of its own",
                where=f"model.{key}",
                rule="another belongs to a model that is trained from scratch, such as "
                + ("hfdl://gpt2" if key == "tokenizer" else "hfdl://lstm"),
                remedy=f"set model.{key}=null",
            )


def _check_takes_vectors(head: Head, model: ModelConfig) -> None:
    takers = [
        SCHEME + name
        for name, architecture in OWN.items()
        if architecture.has_vectors and SCHEME + name in architectures(head)
    ]
    if model.vectors is not None and model.name not in takers:
        rule = f"they are for {', '.join(takers)}" if takers else "no model of this task has them"
        raise ConfigError(
            f"{model.name} has no vectors of whole words to fill",
            where=KEY, rule=rule, remedy=f"set {KEY}=null",
        )  # fmt: skip
