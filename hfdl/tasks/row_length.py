"""The longest row in tokens: as the recipe or the call says, and no more than the model takes."""

from __future__ import annotations

from typing import Any

from hfdl.errors import ConfigError
from hfdl.weights.limits import length_limit


def row_length(
    requested: int | None,
    tokenizer: Any,
    config: Any,
    *,
    default: int = 512,
    smallest: int = 1,
    row: str = "a text",
    longer: str = "",
    remedy: str = "",
    where: str = "data.max_length",
) -> int:
    """The longest row in tokens, special tokens included.

    Args:
        requested: tokens that the recipe or the call says; None: all that the model takes.
        tokenizer: the model's tokenizer, which may have a limit.
        config: the model's config, which may have one too.
        default: the length where none of them has a limit.
        smallest: the fewest tokens that leave room for something to read.
        row: what a row holds, for the message.
        longer: what becomes of longer texts, for the message.
        remedy: what else can be done about them, for the message.
        where: the key or argument that ``requested`` comes from.

    Raises:
        ConfigError: more than the model takes, or less than ``smallest``.
    """
    limit = length_limit(tokenizer, config)
    length = requested or limit or default
    if limit is not None and length > limit:
        verb = f"set {where}=" if "." in where else "give "
        raise ConfigError(
            f"{length} tokens are more than the model takes",
            where=where,
            rule=f"the model's limit is {limit}" + (f"; {longer}" if longer else ""),
            remedy=f"{verb}{limit}{remedy}",
        )
    if length < smallest:
        raise ConfigError(
            f"{length} leaves no room for {row}",
            where=where,
            rule=f"at least {smallest}: special tokens are counted",
            remedy="raise it",
        )
    return length
