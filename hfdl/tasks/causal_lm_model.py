"""What a causal language model is begun with: its tokenizer, and its weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import DataConfig, ModelConfig
from hfdl.data.learned_tokenizers import learn_tokenizer
from hfdl.errors import ConfigError
from hfdl.weights.fresh import build_fresh
from hfdl.weights.pretrained import build_pretrained, in_own_code, length_limit, load_tokenizer
from hfdl.weights.resolve import find_model

KINDS = ("bpe", "wordpiece", "characters")
"""Tokenizers that are learned from the training data."""
PIECES = 8000
"""Pieces to learn where the recipe does not say how many."""
LONGEST = 1024
"""Length of a block where neither the recipe nor the model has a limit: GPT-2's."""


def given_tokenizer(model: ModelConfig) -> Any:
    """The tokenizer that a fresh model is to have; None: it is learned from the data.

    Raises:
        ModelError: it cannot be found or opened.
    """
    if model.tokenizer is None or model.tokenizer in KINDS:
        return None
    folder = Path(model.tokenizer).expanduser()
    return load_tokenizer(folder if folder.is_dir() else find_model(model.tokenizer, weights=False))


def learned_tokenizer(model: ModelConfig, texts: Iterable[str]) -> tuple[Any, str]:
    """A tokenizer for a fresh model, learned from the training texts, and a line that says so."""
    kind = model.tokenizer or "bpe"
    size = (model.config or {}).get("vocab_size", PIECES)
    tokenizer = learn_tokenizer(kind, texts, size, masks=False)
    what = "characters" if kind == "characters" else f"pieces ({kind})"
    return tokenizer, f"vocabulary: {len(tokenizer):,} {what} learned from train"


def build(
    model: ModelConfig, folder: Path | None, tokenizer: Any
) -> tuple[torch.nn.Module, list[str]]:
    """The language model, and the names of its fresh parameters.

    Args:
        model: the recipe's section.
        folder: of a saved model; None: fresh weights.
        tokenizer: its tokenizer.
    """
    if folder is None:
        built, fresh = build_fresh("causal_lm", model, tokenizer)
        config: Any = built.config
        if config.pad_token_id == config.eos_token_id:
            # As GPT-2's own: else transformers takes the ends of documents for padding, and warns.
            config.pad_token_id = None
        return built, fresh
    built, fresh = build_pretrained("AutoModelForCausalLM", folder, model)
    return (in_own_code(built) if model.implementation == "scratch" else built), fresh


def block_length(data: DataConfig, tokenizer: Any, config: Any) -> int:
    """Tokens of a block: as the recipe says, else all that the model takes.

    Raises:
        ConfigError: the recipe says more than that, or a stride that is no less.
    """
    limit = length_limit(tokenizer, config)
    length = data.max_length or limit or LONGEST
    if limit is not None and length > limit:
        raise ConfigError(
            f"{length} tokens are more than the model takes",
            where="data.max_length",
            rule=f"the model's limit is {limit}",
            remedy=f"set data.max_length={limit} or less",
        )
    if data.stride is not None and data.stride >= length:
        raise ConfigError(
            f"windows of {length} tokens cannot share {data.stride}",
            where="data.stride",
            rule="each needs a token that the one before it has not",
            remedy=f"set data.stride={length - 1} or less",
        )
    return length


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
