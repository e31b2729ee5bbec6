"""Settings of generation, and the checks of settings, prompts and models."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.generation.beam import EarlyStopping
from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.sampling import Ending


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to choose tokens; the names are those of transformers' ``generate``.

    Raises:
        ConfigError: a value is impossible, or has no effect together with the others.
    """

    max_new_tokens: int = 20
    num_beams: int = 1
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    num_return_sequences: int = 1
    length_penalty: float = 1.0
    early_stopping: EarlyStopping = False

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "num_beams", "num_return_sequences"):
            _at_least_one(name, getattr(self, name))
        self._check_sampling()
        self._check_beams()

    def _check_sampling(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ConfigError(
                f"{self.temperature} is no temperature", where="temperature",
                rule="it must be a number above 0",
                remedy="for always the most probable token leave do_sample off",
            )  # fmt: skip
        if self.top_k is not None:
            _at_least_one("top_k", self.top_k, remedy="None keeps all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(
                f"{self.top_p} is no share of the probability", where="top_p",
                rule="it must be above 0 and at most 1", remedy="None keeps all tokens",
            )  # fmt: skip
        if not self.do_sample:
            self._refuse_idle("temperature", "top_k", "top_p", why="nothing is drawn at random",
                         remedy="set do_sample=True")  # fmt: skip

    def _check_beams(self) -> None:
        if self.num_beams > 1 and self.do_sample:
            raise ConfigError(
                f"num_beams={self.num_beams} and do_sample=True exclude each other",
                where="num_beams", rule="beam search draws nothing at random",
                remedy="leave one of them out",
            )  # fmt: skip
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise ConfigError(
                f"{self.early_stopping!r} is unknown", where="early_stopping",
                rule="it must be True, False or 'never'",
            )  # fmt: skip
        if not math.isfinite(self.length_penalty):
            raise ConfigError(
                f"{self.length_penalty} is no exponent", where="length_penalty",
                rule="it must be a finite number",
            )  # fmt: skip
        if self.num_beams == 1:
            self._refuse_idle("length_penalty", "early_stopping", why="there is one beam",
                         remedy="set num_beams above 1")  # fmt: skip
        if not self.do_sample and self.num_return_sequences > self.num_beams:
            raise ConfigError(
                f"{self.num_return_sequences} sequences cannot come from num_beams="
                f"{self.num_beams}", where="num_return_sequences",
                rule="it may be at most num_beams, or any number with do_sample=True",
            )  # fmt: skip

    def _refuse_idle(self, *names: str, why: str, remedy: str) -> None:
        """Refuse settings that are not the default and would have no effect."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in names and value != field.default:
                raise ConfigError(
                    f"{value!r} has no effect: {why}", where=field.name,
                    remedy=f"{remedy}, or leave {field.name} out",
                )  # fmt: skip


def _at_least_one(name: str, value: int, remedy: str | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{value!r} is not possible", where=name, rule="it must be a whole number, 1 or more",
            remedy=remedy,
        )  # fmt: skip


# ---- Checks of the model and its prompts ---------------------------------------------------------


def check_prompts(input_ids: Tensor, attention_mask: Tensor | None, *, left_padded: bool) -> None:
    """Refuse invalid prompts.

    Args:
        input_ids: (B, T).
        attention_mask: (B, T), or None.
        left_padded: padding may be on the left only, as decoder-only models need it.

    Raises:
        ConfigError: wrong shapes, an empty prompt, or padding on the wrong side.
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
    """Refuse more tokens than the model has positions for.

    Args:
        limit: how many positions the model has; None: any number.
        needed: positions of the longest prompt.
        max_new_tokens: how many follow; the last of them is not read.
        what: the name of the prompt in the message.

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


# ---- From a model and its prompts to a decoder, and when its sequences end -----------------------


def prepare_ending(
    model: nn.Module,
    max_new_tokens: int,
    stop_tokens: int | Iterable[int] | None,
    pad_token_id: int | None,
) -> Ending:
    """When sequences end; the model's own values replace None."""
    if stop_tokens is None:
        stop_tokens = _default(model, "eos_token_id")
    stops = token_ids(stop_tokens, "stop_tokens")
    if pad_token_id is None:
        pad_token_id = _default(model, "pad_token_id")
    # Without a stop token all rows end together, and nothing is padded.
    pads = token_ids(pad_token_id, "pad_token_id") or stops or (0,)
    return Ending(max_new_tokens, stops, pads[0])


def prepare_decoder(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None,
    *,
    max_new_tokens: int,
    start_token_id: int | None,
    use_cache: bool,
) -> CausalDecoder | Seq2SeqDecoder:
    """The decoder for a model, after checking the prompts; arguments as for `generate`."""
    config = getattr(model, "config", None)
    seq2seq = bool(getattr(config, "is_encoder_decoder", False))
    check_prompts(input_ids, attention_mask, left_padded=not seq2seq)
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
    limit = getattr(config, "max_position_embeddings", None)
    longest = int(mask.sum(dim=1).max())
    if not seq2seq:
        check_room(limit, longest, max_new_tokens, what="the longest prompt")
        return CausalDecoder(model, input_ids, mask, use_cache=use_cache)
    check_room(limit, longest, 1, what="the longest source")
    check_room(limit, 1, max_new_tokens, what="the start token")
    if start_token_id is None:
        start_token_id = _default(model, "decoder_start_token_id")
    if start_token_id is None:
        raise ConfigError(
            "the model does not say what its targets begin with",
            where="decoder_start_token_id", remedy="give the id",
        )  # fmt: skip
    return Seq2SeqDecoder(
        model, input_ids, mask, start_token_id=start_token_id, use_cache=use_cache
    )


def _default(model: nn.Module, name: str) -> Any:
    """The model's own value: of its ``generation_config``, else of its ``config``."""
    for holder in ("generation_config", "config"):
        value = getattr(getattr(model, holder, None), name, None)
        if value is not None:
            return value
    return None
