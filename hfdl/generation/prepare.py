"""From a model and its prompts to a decoder, and when its sequences end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.generation.checks import check_prompts, check_room, token_ids
from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.stepwise import Ending


def prepare_ending(
    model: nn.Module,
    max_new_tokens: int,
    stop_tokens: int | Iterable[int] | None,
    pad_token_id: int | None,
) -> Ending:
    """What ends a sequence; what is None is taken from the model."""
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
    """The decoder for the model's kind, its prompts checked; arguments as those of `generate`."""
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
    """A setting of the model's own: of its ``generation_config``, else of its ``config``."""
    for holder in ("generation_config", "config"):
        value = getattr(getattr(model, holder, None), name, None)
        if value is not None:
            return value
    return None
