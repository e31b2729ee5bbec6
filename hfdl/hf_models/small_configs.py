"""transformers configs of the small models over words: the sizes of ``hfdl.models``, as JSON."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from transformers import PreTrainedConfig

from hfdl.models.bag_of_words import BagOfWordsConfig, DeepAveragingConfig
from hfdl.models.recurrent import RecurrentConfig
from hfdl.models.text_cnn import TextCnnConfig
from hfdl.models.word_embeddings import WordEmbeddingConfig


class ScratchWordsConfig(PreTrainedConfig):
    """What all of them share; see ``hfdl.models.word_embeddings.WordEmbeddingConfig``."""

    core_config: ClassVar[type[WordEmbeddingConfig]] = WordEmbeddingConfig

    vocab_size: int = 20_000
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    freeze_embeddings: bool = False
    initializer_range: float | int = 0.1

    def core(self) -> Any:
        """What the model itself needs of it.

        Raises:
            ConfigError: it asks for what does not exist.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self.core_config)}
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        return self.core_config(**{**values, **lists})


class ScratchRecurrentConfig(ScratchWordsConfig):
    """``hfdl.models.recurrent.RecurrentConfig``."""

    model_type = "hfdl-recurrent"
    core_config = RecurrentConfig

    kind: str = "lstm"
    embedding_size: int | None = None
    hidden_size: int = 256
    num_hidden_layers: int = 1
    bidirectional: bool = False
    dropout: float | int = 0.2
    pooling: str = "last"
    tie_word_embeddings: bool = True


class ScratchTextCnnConfig(ScratchWordsConfig):
    """``hfdl.models.text_cnn.TextCnnConfig``."""

    model_type = "hfdl-text-cnn"
    core_config = TextCnnConfig

    embedding_size: int = 300
    widths: list[int] | tuple[int, ...] = (3, 4, 5)
    num_filters: int = 100
    hidden_act: str = "relu"
    dropout: float | int = 0.5


class ScratchBagOfWordsConfig(ScratchWordsConfig):
    """``hfdl.models.bag_of_words.BagOfWordsConfig``."""

    model_type = "hfdl-bag-of-words"
    core_config = BagOfWordsConfig

    initializer_range: float | int = 0.0
    counts: str = "sum"


class ScratchDeepAveragingConfig(ScratchWordsConfig):
    """``hfdl.models.bag_of_words.DeepAveragingConfig``."""

    model_type = "hfdl-word-average"
    core_config = DeepAveragingConfig

    embedding_size: int = 300
    hidden_size: int = 300
    num_hidden_layers: int = 2
    hidden_act: str = "relu"
    word_dropout: float | int = 0.3
    dropout: float | int = 0.0
