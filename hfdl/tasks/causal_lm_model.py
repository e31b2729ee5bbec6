"""What a causal language model is begun with: its weights, and the length of its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import DataConfig, ModelConfig
from hfdl.errors import ConfigError
from hfdl.tasks.language_model import build_saved
from hfdl.weights.fresh import build_fresh
from hfdl.weights.pretrained import length_limit

LONGEST = 1024
"""Length of a block where neither the recipe nor the model has a limit: GPT-2's."""


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
    return build_saved("AutoModelForCausalLM", folder, model)


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
