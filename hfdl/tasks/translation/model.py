"""Models for translation: hfdl's own encoder-decoder with random weights, or a saved one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_bpe
from hfdl.errors import ConfigError, ModelError, ShapeError, did_you_mean
from hfdl.hf_models.encoder_decoder import (
    ScratchTransformerConfig,
    ScratchTransformerForConditionalGeneration,
)
from hfdl.models.transformer import TransformerConfig
from hfdl.weights.names import SCHEME

ARCHITECTURE = "hfdl://transformer"
"""hfdl's own architecture: no pretrained weights, and a vocabulary learned from the data."""

# The vocabulary is learned, and its first piece is the padding.
_SIZES = {f.name: f.default for f in fields(TransformerConfig) if f.name != "pad_token_id"}
# By the type of a size's default: whether a value fits, and the rule in words. The numbers with a
# fraction are probabilities, and the epsilon of the norms.
_RULES: dict[type, tuple[Callable[[Any], bool], str]] = {
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (lambda value: type(value) is int and value > 0, "a whole number, 1 or more"),
    float: (lambda value: type(value) in (int, float) and 0 <= value < 1, "from 0 to below 1"),
    str: (lambda value: isinstance(value, str), "a name"),
}


def is_new_transformer(model: ModelConfig) -> bool:
    """Whether a recipe trains hfdl's own architecture from random weights.

    Raises:
        ConfigError: an ``hfdl://`` name that does not exist, or transformers' implementation of it.
    """
    if not model.name.startswith(SCHEME):
        return False
    if model.name != ARCHITECTURE:
        raise ConfigError(
            f"no architecture {model.name!r}",
            where="model.name",
            remedy=f"set it to {ARCHITECTURE}",
        )
    if model.implementation == "hf":
        raise ConfigError(
            f"transformers has no class of its own for {ARCHITECTURE}",
            where="model.implementation",
            rule="hf asks for transformers' own code",
            remedy="leave it out, or name a pretrained model",
        )
    return True


def vocabulary_size(model: ModelConfig) -> int:
    """How many pieces the vocabulary is to have: ``model.config.vocab_size``.

    Raises:
        ConfigError: it is no number, or too small for the bytes and the special tokens.
    """
    sizes = _checked(model.config or {})
    size = sizes.get("vocab_size", _SIZES["vocab_size"])
    least = 256 + 3
    if size < least:
        raise ConfigError(
            f"{size} pieces are too few",
            where="model.config.vocab_size",
            rule=f"every byte and special token is one: {least} at least",
            remedy="raise it",
        )
    return size


class NewTransformer:
    """hfdl's encoder-decoder with random weights, and one vocabulary for sources and targets.

    Args:
        model: the recipe's section; ``config`` holds sizes of ``TransformerConfig``.

    Raises:
        ConfigError: an unknown size, or one that is no such number.
    """

    def __init__(self, model: ModelConfig) -> None:
        self.model = model
        self.tokenizer: Any = None
        self.facts: list[str] = []
        vocabulary_size(model)

    def learn(self, texts: Iterable[str]) -> None:
        """Learn the vocabulary from the sources and targets of train."""
        self.tokenizer = learn_bpe(texts, vocabulary_size(self.model))
        self.facts.append(f"vocabulary: {len(self.tokenizer):,} pieces learned from train")

    def config(self) -> ScratchTransformerConfig:
        """Its transformers config, once the vocabulary is learned.

        Raises:
            ConfigError: sizes that do not fit each other.
        """
        tokenizer = self.tokenizer
        sizes = {**_checked(self.model.config or {}), "vocab_size": len(tokenizer)}
        with _refuse_unfit_sizes():
            return ScratchTransformerConfig(
                **sizes, pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id, decoder_start_token_id=tokenizer.bos_token_id,
            )  # fmt: skip

    def build(self, **settings: Any) -> tuple[torch.nn.Module, list[str]]:
        """The model, and the names of all its parameters."""
        config = self.config()
        with _refuse_unfit_sizes():
            built = ScratchTransformerForConditionalGeneration(config)
        built = built.to(getattr(torch, self.model.dtype))
        return built, [name for name, _ in built.named_parameters()]


@contextmanager
def _refuse_unfit_sizes() -> Iterator[None]:
    try:
        yield
    except ShapeError as error:
        raise ConfigError(
            error.problem, where="model.config", rule=error.rule, remedy="change one of the two"
        ) from error


def start_token_id(config: Any, folder: Path) -> int:
    """The token that a saved model's targets begin with.

    Raises:
        ModelError: it is no encoder-decoder model, or does not say.
    """
    start = getattr(config, "decoder_start_token_id", None)
    if not config.is_encoder_decoder or start is None:
        raise ModelError(
            f"{config.model_type} is no encoder-decoder model that says what targets begin with",
            where=str(folder / "config.json"),
            rule="a translation needs is_encoder_decoder and decoder_start_token_id",
            remedy="choose another model, or train one: model.name=hfdl://transformer",
        )
    return start


def _checked(sizes: dict[str, Any]) -> dict[str, Any]:
    """The sizes themselves, if each is known and has the type of its default."""
    for name, value in sizes.items():
        if name not in _SIZES:
            raise ConfigError(
                f"{ARCHITECTURE} has no size {name!r}",
                where=f"model.config.{name}",
                remedy=did_you_mean(name, _SIZES),
            )
        fits, rule = _RULES[type(_SIZES[name])]
        if not fits(value):
            raise ConfigError(
                f"it cannot be {value!r}",
                where=f"model.config.{name}",
                rule=f"it is {rule}, {_SIZES[name]!r} by default",
                remedy="correct or remove it",
            )
    return sizes
