"""How long the blocks are that a causal language model reads."""

from __future__ import annotations

from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.errors import ConfigError
from hfdl.weights.pretrained import length_limit

LONGEST = 1024
"""Length of a block where neither the recipe nor the model has a limit: GPT-2's."""


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
