"""What must hold of a model and its prompts before tokens are made."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from hfdl.errors import ConfigError


def check_prompts(input_ids: Tensor, attention_mask: Tensor | None, *, left_padded: bool) -> None:
    """Refuse prompts that nothing sensible can follow.

    Args:
        input_ids: (B, T).
        attention_mask: (B, T), or None.
        left_padded: padding may stand on the left only, as a decoder-only model needs it.

    Raises:
        ConfigError: wrong shapes, an empty prompt, or padding where it may not be.
    """
    if input_ids.ndim != 2 or input_ids.numel() == 0:
        raise ConfigError(
            f"the prompts have the shape {tuple(input_ids.shape)}", where="input_ids",
            rule="it must be (batch, tokens) with at least one token",
            remedy="start an empty prompt with the model's bos token",
        )  # fmt: skip
    if attention_mask is None:
        return
    if attention_mask.shape != input_ids.shape:
        raise ConfigError(
            f"the shape is {tuple(attention_mask.shape)}", where="attention_mask",
            rule=f"it must be that of input_ids, {tuple(input_ids.shape)}",
        )  # fmt: skip
    real = attention_mask.bool()
    if (row := _first_row(~real.any(dim=1))) is not None:
        raise ConfigError(
            f"prompt {row} is empty: all of it is padding", where="attention_mask",
            rule="every prompt needs at least one token",
        )  # fmt: skip
    if left_padded and (row := _first_row((real[:, :-1] & ~real[:, 1:]).any(dim=1))) is not None:
        raise ConfigError(
            f"prompt {row} has padding behind a token", where="attention_mask",
            rule="new tokens follow the last column, so padding must stand on the left",
            remedy="set tokenizer.padding_side = 'left'",
        )  # fmt: skip


def check_room(limit: int | None, needed: int, max_new_tokens: int, *, what: str) -> None:
    """Refuse to go beyond a model's positions.

    Args:
        limit: how many positions the model has; None: any number.
        needed: positions of the longest prompt.
        max_new_tokens: how many shall follow; the last of them is not read any more.
        what: what takes the positions, for the message.

    Raises:
        ConfigError: they do not fit.
    """
    if limit is None or needed + max_new_tokens - 1 <= limit:
        return
    rule = f"the model has {limit} positions"
    left = limit - needed + 1
    if left < 1:
        raise ConfigError(
            f"{what} is {needed} tokens long", where="input_ids", rule=rule,
            remedy="shorten it",
        )  # fmt: skip
    raise ConfigError(
        f"{max_new_tokens} new tokens do not fit behind {needed} of {what}",
        where="max_new_tokens", rule=rule, remedy=f"ask for at most {left}, or shorten the prompt",
    )  # fmt: skip


def token_ids(value: int | Iterable[int] | None, name: str) -> tuple[int, ...]:
    """One token id, several or none as a tuple without repetitions.

    Raises:
        ConfigError: one is negative.
    """
    ids = () if value is None else (value,) if isinstance(value, int) else tuple(value)
    for token in ids:
        if token < 0:
            raise ConfigError(f"{token} is no token id", where=name, rule="ids begin at 0")
    return tuple(dict.fromkeys(ids))


def _first_row(wrong: Tensor) -> int | None:
    rows = torch.nonzero(wrong)
    return int(rows[0]) if len(rows) else None
