"""Configs of which a look at config.json says all, so that transformers need not read them.

transformers' config classes import torch. Whoever wants a tokenizer and the longest input alone,
as ``hfdl data check`` does, has most of its time to wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.errors import ModelError
from hfdl.weights.saved_config import architecture

_TOKENIZERS = {
    "bert": "transformers.models.bert.tokenization_bert:BertTokenizer",
    "roberta": "transformers.models.roberta.tokenization_roberta:RobertaTokenizer",
}
"""The model types whose config classes have the keys below, and their tokenizers."""

# The types that those classes take; of a key that is not here nothing is known.
_KEYS: dict[str, tuple[type, ...]] = {
    "_name_or_path": (str,),
    "add_cross_attention": (bool,),
    "architectures": (list,),
    "attention_probs_dropout_prob": (float,),
    "bos_token_id": (int, type(None)),
    "classifier_dropout": (float, type(None)),
    "dtype": (str,),
    "eos_token_id": (int, type(None)),
    "gradient_checkpointing": (bool,),
    "hidden_act": (str,),
    "hidden_dropout_prob": (float,),
    "hidden_size": (int,),
    "initializer_range": (float,),
    "intermediate_size": (int,),
    "is_decoder": (bool,),
    "layer_norm_eps": (float,),
    "max_position_embeddings": (int,),
    "model_type": (str,),
    "num_attention_heads": (int,),
    "num_hidden_layers": (int,),
    "pad_token_id": (int,),
    "position_embedding_type": (str,),
    "tie_word_embeddings": (bool,),
    "torch_dtype": (str,),
    "transformers_version": (str,),
    "type_vocab_size": (int,),
    "use_cache": (bool,),
    "vocab_size": (int,),
}
_NEEDED = {"max_position_embeddings", "model_type", "pad_token_id", "vocab_size"}
_DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class PlainConfig:
    """What a plain config says of a model's inputs, under transformers' names.

    Args:
        model_type: its family.
        max_position_embeddings: most positions, before those that the family keeps for padding.
        tokenizer_class: ``module:Class`` of the family's tokenizer.
    """

    model_type: str
    max_position_embeddings: int
    tokenizer_class: str


def plain_config(folder: Path) -> PlainConfig | None:
    """The config of a model folder, where transformers would take it without a word.

    Args:
        folder: the model's folder.

    Returns:
        None where anything about it is unusual: another family, a key or a type that is not known
        here, labels, a special token outside of the vocabulary. transformers then has to read it,
        and says what is wrong with it, if anything is.
    """
    try:
        values: dict[str, Any] = architecture(folder)
    except (ModelError, OSError):
        return None
    if not values.keys() >= _NEEDED or not all(map(_is_usual, values, values.values())):
        return None
    tokens = [id_ for key, id_ in values.items() if key.endswith("_token_id") and id_ is not None]
    if values["model_type"] not in _TOKENIZERS or values["max_position_embeddings"] < 1:
        return None
    if not all(0 <= id_ < values["vocab_size"] for id_ in tokens):
        return None
    kind = values["model_type"]
    return PlainConfig(kind, values["max_position_embeddings"], _TOKENIZERS[kind])


def _is_usual(key: str, value: Any) -> bool:
    if key == "architectures":
        return type(value) is list and all(type(name) is str for name in value)
    if key in ("dtype", "torch_dtype"):
        return value in _DTYPES
    return type(value) in _KEYS.get(key, ())
