"""Decoders for models that are called as Hugging Face's are.

Both adapters keep the tokens so far, and pass the model those that its cache does not hold: all
of them the first time or without a cache, then only the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

import torch
from torch import Tensor

from hfdl.errors import NotFiniteError


class Cache(Protocol):
    """A model's keys and values of the positions it has read."""

    def reorder_cache(self, beam_idx: Tensor) -> Any:
        """Give row i the past of row ``beam_idx[i]``, in place."""
        ...


class CausalDecoder:
    """A decoder-only language model.

    Args:
        model: ``model(input_ids=(B, T), attention_mask=(B, S), position_ids=(B, T),
            past_key_values=cache, use_cache=...)`` gives ``.logits`` (B, T, V) and
            ``.past_key_values``, a `Cache` of all S positions; None stands for an empty one. Where
            it has a ``new_cache()``, that makes the first; where its ``forward`` takes
            ``logits_to_keep``, it is asked for those of the last position alone.
        input_ids: (B, T), each prompt's last token in the last column.
        attention_mask: (B, T), 1 at tokens and 0 at the padding left of them; None: no padding.
        use_cache: False runs the model over all tokens for each new one, as a check of the cache.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        use_cache: bool = True,
    ) -> None:
        self.model = model
        self.ids = input_ids
        self.mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        self.use_cache = use_cache
        self.cache: Cache | None = None
        self.options = _last_alone(model)

    def start(self) -> Tensor:
        """The logits after the prompts, (B, V)."""
        if self.use_cache and (make := getattr(self.model, "new_cache", None)) is not None:
            self.cache = make()
        return self._read(self.ids)

    def step(self, tokens: Tensor) -> Tensor:
        """The logits after ``tokens`` (B, T), which are appended; (B, V)."""
        self.ids = torch.cat([self.ids, tokens], dim=1)
        self.mask = torch.cat([self.mask, torch.ones_like(tokens)], dim=1)
        return self._read(self.ids if self.cache is None else tokens)

    def reorder(self, rows: Tensor) -> None:
        """See `Decoder.reorder`."""
        self.ids, self.mask = self.ids[rows], self.mask[rows]
        if self.cache is not None:
            self.cache.reorder_cache(rows)

    def _read(self, unread: Tensor) -> Tensor:
        positions = padded_positions(self.mask)[:, -unread.shape[1] :]
        out = self.model(
            input_ids=unread, attention_mask=self.mask, position_ids=positions,
            past_key_values=self.cache, use_cache=self.use_cache, **self.options,
        )  # fmt: skip
        self.cache = out.past_key_values if self.use_cache else None
        return last_logits(out.logits)


class Seq2SeqDecoder:
    """An encoder-decoder model.

    Args:
        model: ``model.get_encoder()(input_ids=(B, S), attention_mask=(B, S))`` gives
            ``.last_hidden_state`` (B, S, D). ``model(encoder_outputs=(that,),
            attention_mask=(B, S), decoder_input_ids=(B, T), past_key_values=cache,
            use_cache=...)`` gives ``.logits`` (B, T, V) and ``.past_key_values``, a `Cache`. The
            decoder counts its positions by the cache.
        input_ids: source tokens, (B, S).
        attention_mask: (B, S), 1 at tokens, 0 at padding on either side; None: no padding.
        start_token_id: what every target begins with.
        use_cache: as in `CausalDecoder`.
    """

    def __init__(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        start_token_id: int,
        use_cache: bool = True,
    ) -> None:
        self.model = model
        self.source = input_ids
        self.mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        self.ids = input_ids.new_full((len(input_ids), 1), start_token_id)
        self.use_cache = use_cache
        self.cache: Cache | None = None
        self.memory: Tensor | None = None

    def start(self) -> Tensor:
        """Encode the sources; the logits after the start token, (B, V)."""
        encoder = self.model.get_encoder()
        encoded = encoder(input_ids=self.source, attention_mask=self.mask)
        self.memory = encoded.last_hidden_state  # (B, S, D)
        return self._read(self.ids)

    def step(self, tokens: Tensor) -> Tensor:
        """The logits after ``tokens`` (B, T), which are appended; (B, V)."""
        self.ids = torch.cat([self.ids, tokens], dim=1)
        return self._read(self.ids if self.cache is None else tokens)

    def reorder(self, rows: Tensor) -> None:
        """See `Decoder.reorder`."""
        assert self.memory is not None, "a decoder is reordered after its start"
        self.ids, self.mask, self.memory = self.ids[rows], self.mask[rows], self.memory[rows]
        if self.cache is not None:
            self.cache.reorder_cache(rows)

    def _read(self, unread: Tensor) -> Tensor:
        out = self.model(
            encoder_outputs=(self.memory,), attention_mask=self.mask, decoder_input_ids=unread,
            past_key_values=self.cache, use_cache=self.use_cache,
        )  # fmt: skip
        self.cache = out.past_key_values if self.use_cache else None
        return last_logits(out.logits)


def _last_alone(model: Callable[..., Any]) -> dict[str, Any]:
    """What a model is told, where it can be, to form no logits but the last position's."""
    forward = getattr(model, "forward", model)
    return {"logits_to_keep": 1} if "logits_to_keep" in signature(forward).parameters else {}


def padded_positions(attention_mask: Tensor) -> Tensor:
    """Positions that count each row's tokens from 0, and are 0 on padding: (B, T) -> (B, T).

    Otherwise a model with learned positions would read a padded prompt at other positions than the
    same prompt alone; transformers' GPT-2 does not do this itself.
    """
    return (attention_mask.cumsum(dim=1) - 1).clamp(min=0)


def last_logits(logits: Tensor) -> Tensor:
    """The last position's logits, in float32 at least: (B, T, V) -> (B, V).

    A copy, so that the logits of a long prompt are not kept alive by a view of them.

    Raises:
        NotFiniteError: one of them is NaN: no token is likelier than another.
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    last = logits[:, -1].to(dtype, copy=True)
    is_nan = last.isnan().any(dim=-1)  # (B,)
    if bool(is_nan.any()):
        raise NotFiniteError(int(is_nan.nonzero()[0]), rows=len(last))
    return last
