"""From a model, its prompts and what is asked for to all that a search needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.ending import Ending, StopText
from hfdl.generation.model_rules import Rules, model_rules, own_value
from hfdl.generation.processors import NOTHING, Processor
from hfdl.generation.settings import Settings, token_ids

NEW_TOKENS = 20
"""Most new tokens where neither the caller nor the model says: transformers'."""


@dataclass(frozen=True)
class Search:
    """What a search needs.

    Args:
        decoder: the prompts.
        ending: when sequences end.
        settings: how tokens are chosen.
        process: what scores become before that.
    """

    decoder: CausalDecoder | Seq2SeqDecoder
    ending: Ending
    settings: Settings
    process: Processor


def prepare(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None,
    settings: Mapping[str, Any],
    *,
    stop_tokens: int | Iterable[int] | None = None,
    stop_text: StopText | None = None,
    pad_token_id: int | None = None,
    decoder_start_token_id: int | None = None,
    use_cache: bool | None = None,
) -> Search:
    """Check and put together a search; arguments as for `generate`.

    Raises:
        ConfigError: see `generate`.
    """
    given = dict(settings)
    wanted = given.get("max_new_tokens")
    each = [*wanted] if isinstance(wanted, list | tuple) else None
    if each is not None:
        given["max_new_tokens"] = max(each, default=0)
    rules = model_rules(model, given)
    if rules.stop_strings and stop_text is None:
        raise ConfigError(
            f"the model ends its texts at {list(rules.stop_strings)!r:.60}",
            where="generation_config, stop_strings",
            rule="ids alone do not say where a text ends",
            remedy="use hfdl.pipeline, or give stop_text=hfdl.generation.stop_at("
            f"tokenizer.decode, input_ids.tolist(), {list(rules.stop_strings)!r})",
        )
    seq2seq = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    check_prompts(input_ids, attention_mask, left_padded=not seq2seq)
    mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
    longest = _new_tokens(rules, 1 if seq2seq else input_ids.shape[1])
    decoder = _decoder(
        model, input_ids, mask, longest, decoder_start_token_id,
        use_cache=(rules.use_cache is not False) if use_cache is None else use_cache,
    )  # fmt: skip
    limits = input_ids.new_tensor([longest] * len(input_ids) if each is None else each)
    ending = replace(
        prepare_ending(model, longest, stop_tokens, pad_token_id),
        limits=None if each is None else limits, stop_text=stop_text,
    )  # fmt: skip
    read = input_ids.masked_fill(mask == 0, NOTHING)
    process = Processor(
        rules.settings, decoder.ids if seq2seq else read, read if seq2seq else None, limits,
        ending.stop_tokens,
    )  # fmt: skip
    return Search(decoder, ending, rules.settings, process)


def _new_tokens(rules: Rules, width: int) -> int:
    """The most new tokens behind prompts of a width, padding included.

    Raises:
        ConfigError: the model's ``max_length`` leaves none.
    """
    if rules.new_tokens is not None:
        return rules.new_tokens
    if rules.total is None:
        return max(NEW_TOKENS, rules.settings.min_new_tokens)
    if rules.total <= width:
        raise ConfigError(
            f"behind a prompt of {width} tokens the model may write none",
            where="generation_config, max_length",
            rule=f"it is {rules.total}, prompt included",
            remedy="give max_new_tokens, or shorten the prompt",
        )
    return rules.total - width


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
        where="max_new_tokens", rule=rule,
        remedy=f"give max_new_tokens={left}, or shorten the prompt",
    )  # fmt: skip


def _first_row(wrong: Tensor) -> int | None:
    rows = torch.nonzero(wrong)
    return int(rows[0]) if len(rows) else None


# ---- The decoder for a model, and when its sequences end -----------------------------------------


def prepare_ending(
    model: nn.Module,
    max_new_tokens: int,
    stop_tokens: int | Iterable[int] | None,
    pad_token_id: int | None,
) -> Ending:
    """When sequences end; the model's own values replace None."""
    if stop_tokens is None:
        stop_tokens = own_value(model, "eos_token_id")
    stops = token_ids(stop_tokens, "stop_tokens")
    if pad_token_id is None:
        pad_token_id = own_value(model, "pad_token_id")
    # Without a stop token all rows end together, and nothing is padded.
    pads = token_ids(pad_token_id, "pad_token_id") or stops or (0,)
    return Ending(max_new_tokens, stops, pads[0])


def _decoder(
    model: nn.Module,
    input_ids: Tensor,
    mask: Tensor,
    max_new_tokens: int,
    start_token_id: int | Sequence[int] | None,
    *,
    use_cache: bool,
) -> CausalDecoder | Seq2SeqDecoder:
    """The decoder for a model, after checking that the prompts fit it."""
    config = getattr(model, "config", None)
    limit = getattr(config, "max_position_embeddings", None)
    longest = int(mask.sum(dim=1).max())
    if not getattr(config, "is_encoder_decoder", False):
        check_room(limit, longest, max_new_tokens, what="the longest prompt")
        return CausalDecoder(model, input_ids, mask, use_cache=use_cache)
    check_room(limit, longest, 1, what="the longest source")
    check_room(limit, 1, max_new_tokens, what="the start token")
    start = start_token_id
    for name in ("decoder_start_token_id", "bos_token_id"):
        start = own_value(model, name) if start is None else start
    if start is None:
        raise ConfigError(
            "the model does not say what its targets begin with",
            where="decoder_start_token_id", remedy="give the id",
        )  # fmt: skip
    (start,) = token_ids(start, "decoder_start_token_id")
    return Seq2SeqDecoder(model, input_ids, mask, start_token_id=start, use_cache=use_cache)
