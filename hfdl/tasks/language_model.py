"""What both kinds of language model are begun with: a tokenizer, and saved weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import ModelConfig
from hfdl.data.learned_tokenizers import KINDS, learn_tokenizer
from hfdl.errors import ConfigError
from hfdl.weights.pretrained import build_pretrained, in_own_code, load_tokenizer
from hfdl.weights.resolve import find_model

PIECES = 8000
"""Pieces to learn where the recipe does not say how many."""


def given_tokenizer(model: ModelConfig) -> Any:
    """The tokenizer that a fresh model is to have; None: it is learned from the data.

    Raises:
        ModelError: it cannot be found or opened.
    """
    if model.tokenizer is None or model.tokenizer in KINDS:
        return None
    folder = Path(model.tokenizer).expanduser()
    return load_tokenizer(folder if folder.is_dir() else find_model(model.tokenizer, weights=False))


def learned_tokenizer(
    model: ModelConfig, texts: Iterable[str], *, default: str, masks: bool
) -> tuple[Any, str]:
    """A tokenizer for a fresh model, learned from the training texts, and a line that says so.

    Args:
        model: the recipe's section.
        texts: of the training split.
        default: what is learned where the recipe does not say, one of ``KINDS``.
        masks: whether it is to have a mask.
    """
    kind = model.tokenizer or default
    size = (model.config or {}).get("vocab_size", PIECES)
    tokenizer = learn_tokenizer(kind, texts, size, masks=masks)
    what = "characters" if kind == "characters" else f"pieces ({kind})"
    return tokenizer, f"vocabulary: {len(tokenizer):,} {what} learned from train"


def refuse_other_tokenizer(model: ModelConfig) -> None:
    """Refuse to give a saved model a tokenizer that is not its own.

    Raises:
        ConfigError: ``model.tokenizer`` is given.
    """
    if model.tokenizer is not None:
        raise ConfigError(
            f"{model.name} has a tokenizer of its own",
            where="model.tokenizer",
            rule="another belongs to a model that is trained from nothing, such as hfdl://gpt2",
            remedy="leave it out",
        )


def build_saved(
    auto_class: str, folder: Path, model: ModelConfig
) -> tuple[torch.nn.Module, list[str]]:
    """A saved model, and the names of the parameters that it lacks and that are fresh.

    Args:
        auto_class: transformers' name of the class with the head that is wanted.
        folder: of the model.
        model: the recipe's section; ``implementation: scratch`` gives it in hfdl's own code.
    """
    built, fresh = build_pretrained(auto_class, folder, model)
    return (in_own_code(built) if model.implementation == "scratch" else built), fresh
