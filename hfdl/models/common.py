"""Shared parts of the models: attention patterns, positions, pooling of tokens, tied weights.

Shapes: B texts, T tokens; *B T is B T of a padded batch and N, the tokens of all texts, of a packed
one; L tokens of its longest text; S tokens so far, those of the past included; H heads; D width, E
width of the embeddings.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError, did_you_mean
from hfdl.nn.attend import Attend, Cache, Collected, PackedAttend, PaddedAttend
from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import combine, padding_mask, sliding_window_mask
from hfdl.nn.packing import Packing
from hfdl.nn.pooling import mean_pool

BiasOf = Callable[[int, int, int], Float[Tensor, "1 H T S"]]
"""(T, S, offset) -> what is added to the scores of T queries from position ``offset`` on and S keys
from 0 on; it depends on their distance alone."""


def encoder_attend(
    attention_mask: Shaped[Tensor, "B T"] | None,
    packing: Packing | None,
    kernel: AttentionKernel,
    collect: Collected | None,
    *,
    window: int | None = None,
    x: Float[Tensor, "*B T D"] | None = None,
    bias: BiasOf | None = None,
) -> Attend:
    """Every real token of a sequence sees every other, or those within a window.

    Args:
        attention_mask: 1 or True at real tokens; None where all are real.
        packing: which text the tokens of a packed batch belong to.
        kernel: the attention.
        collect: takes the weights.
        window: a token sees itself and less than this many positions to each side; None: all.
        x: what is encoded; needed for a window or a bias.
        bias: relative positions.
    """
    if packing is not None:
        return PackedAttend(packing, kernel, window=window, bias=_of_longest(packing, bias))
    mask = None
    needless = kernel is fused_attention and _all_real(attention_mask)
    if attention_mask is not None and not needless:
        mask = padding_mask(attention_mask)  # (B, 1, 1, T)
    if window is not None and x is not None and window < x.shape[-2]:
        near = sliding_window_mask(x.shape[-2], window=window, causal=False, device=x.device)
        mask = combine(mask, near[None, None])  # (T, T) -> (B, 1, T, T)
    added = None
    if bias is not None:
        assert x is not None
        added = bias(x.shape[-2], x.shape[-2], 0)
    return PaddedAttend(kernel, mask, bias=added, collect=collect)


def decoder_attend(
    length: int,
    attention_mask: Shaped[Tensor, "B S"] | None,
    packing: Packing | None,
    kernel: AttentionKernel,
    collect: Collected | None,
    *,
    device: torch.device,
    cache: Cache | None = None,
    layer_idx: int = 0,
    window: int | None = None,
    bias: BiasOf | None = None,
) -> Attend:
    """Every real token of a sequence sees itself and what came before.

    Args:
        length: T, the new tokens of each sequence.
        attention_mask: 1 or True at real tokens, past and new; None where all are real.
        packing: which text the tokens of a packed batch belong to.
        kernel: the attention.
        collect: takes the weights.
        device: where masks are made.
        cache: keys and values of the past.
        layer_idx: the layer of the cache that stands for all layers of this kind.
        window: a token sees this many positions, its own included; None: all.
        bias: relative positions. They are counted in places of the row, so padding on the left of
            a text changes nothing between its tokens.
    """
    if packing is not None:
        longest = _of_longest(packing, bias)
        return PackedAttend(packing, kernel, causal=True, window=window, bias=longest)
    past = 0 if cache is None else int(cache.get_seq_length(layer_idx))
    keys, first = (length, 0) if cache is None else cache.get_mask_sizes(length, layer_idx)
    padded = attention_mask is not None and not bool(attention_mask.all())
    added = None if bias is None else bias(length, keys, past - first)
    # A cache of fixed size gives more keys than there are positions so far.
    exact = first + keys == past + length
    if exact and not padded and (window is None or keys <= window):
        return PaddedAttend(kernel, causal=True, bias=added, cache=cache, collect=collect)
    queries = torch.arange(past, past + length, device=device).unsqueeze(1)  # (T, 1)
    positions = torch.arange(first, first + keys, device=device)  # (S,)
    mask = positions <= queries  # (T, S)
    if window is not None:
        mask = mask & (positions > queries - window)
    mask = mask[None, None]  # (1, 1, T, S)
    if padded:
        assert attention_mask is not None
        mask = mask & _real(attention_mask, first, keys)
    return PaddedAttend(kernel, mask, bias=added, cache=cache, collect=collect)


def _all_real(attention_mask: Shaped[Tensor, "B T"] | None) -> bool:
    """Whether a mask is seen to bar nothing, where that is cheap: a GPU would be waited for."""
    if attention_mask is None or torch.compiler.is_compiling():
        return False
    is_plain = attention_mask.device.type == "cpu" and attention_mask.dim() == 2
    return is_plain and bool(attention_mask.all())


def _of_longest(packing: Packing, bias: BiasOf | None) -> Float[Tensor, "1 H L L"] | None:
    """The bias of a packed batch's longest sequence; the others take a corner of it."""
    return None if bias is None else bias(packing.longest, packing.longest, 0)


def _real(
    attention_mask: Shaped[Tensor, "B S"], first: int, keys: int
) -> Bool[Tensor, "B 1 1 keys"]:
    """Which of the positions from ``first`` on are real."""
    missing = max(0, first + keys - attention_mask.shape[1])
    padded = nn.functional.pad(attention_mask.bool(), (0, missing))
    return padding_mask(padded[:, first : first + keys])


def next_positions(
    length: int, packing: Packing | None, cache: Cache | None, device: torch.device
) -> Int[Tensor, "T"]:
    """Positions behind the cache's; of a packed batch, those of each text."""
    if packing is not None:
        return packing.positions()
    past = 0 if cache is None else int(cache.get_seq_length())
    return torch.arange(past, past + length, device=device)


def encoder_positions(
    source: Int[Tensor, "*B T"] | Float[Tensor, "*B T E"], packing: Packing | None
) -> Int[Tensor, "T"]:
    """Positions from the left edge, padding included.

    Args:
        source: ids or embeddings; not looked at in a packed batch.
        packing: of a packed batch.
    """
    if packing is not None:
        return packing.positions()
    return source.new_ones(source.shape[1]).long().cumsum(0) - 1


def padded_positions(input_ids: Int[Tensor, "B T"], pad_token_id: int) -> Int[Tensor, "B T"]:
    """Positions that count real tokens from ``pad_token_id`` + 1; padding has that id's own.

    RoBERTa's way (it came so from fairseq).
    """
    real = (input_ids != pad_token_id).long()
    return real.cumsum(1) * real + pad_token_id


def first_token(hidden: Float[Tensor, "*B T D"], packing: Packing | None) -> Float[Tensor, "B D"]:
    """The state of each text's first position."""
    return hidden[:, 0] if packing is None else hidden[packing.firsts()]


def mean_of_tokens(
    hidden: Float[Tensor, "*B T D"],
    attention_mask: Shaped[Tensor, "B T"] | None,
    packing: Packing | None,
) -> Float[Tensor, "B D"]:
    """The mean of each text's real tokens."""
    if packing is None:
        return mean_pool(hidden, attention_mask)
    lengths = torch.tensor(packing.lengths, device=hidden.device).clamp(min=1)
    return packing.unpack(hidden).sum(1) / lengths[:, None]  # (N, D) -> (B, T, D) -> (B, D)


def last_token(
    hidden: Float[Tensor, "*B T D"],
    attention_mask: Shaped[Tensor, "B T"] | None,
    packing: Packing | None,
) -> Float[Tensor, "B D"]:
    """The state of each text's last real token."""
    if packing is not None:
        return hidden[packing.lasts()]
    if attention_mask is None:
        return hidden[:, -1]
    steps = torch.arange(hidden.shape[1], device=hidden.device)
    last = (steps * attention_mask.bool()).argmax(1)  # (B,)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def tie(decoder: nn.Linear, tokens: nn.Embedding) -> None:
    """Decode words by the embedding that encoded them (Press and Wolf 2017)."""
    decoder.weight = tokens.weight


def check_norm_order(order: str) -> None:
    """Refuse an order of norms that does not exist.

    Raises:
        ConfigError: it is neither ``post`` nor ``pre``.
    """
    if order not in ("post", "pre"):
        raise ConfigError(
            f"unknown norm_order {order!r}",
            rule="the norm stands behind the residual (post) or before the sub-layer (pre)",
            remedy=did_you_mean(order, ["post", "pre"]),
        )
