"""Mistakes of who may attend to whom."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.nn.attend import Attend, AttentionLayer, PaddedAttend
from hfdl.nn.functional import allowed, repeat_heads, scale_of
from hfdl.parity.mistakes.mistake import (
    Mistake,
    backbone,
    without_input,
    wrap_attend,
)

_CAUSAL = "hfdl/nn/masks, causal_mask; decoder_attend in hfdl/models/common.py"
_PADDING = "hfdl/nn/masks, padding_mask; the attention_mask that the model is given"

MaskChange = Callable[[Tensor], Tensor | None]
"""What is allowed, (B or 1, 1, T, S) -> what is then allowed; None: everything."""


def _remasked(change: MaskChange) -> Callable[[nn.Module], bool]:
    """Change the mask of every attention, causality included."""

    def wrap(attend: Attend) -> Attend:
        if not isinstance(attend, PaddedAttend):
            return attend

        def call(module: AttentionLayer, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            by_head = [x.transpose(1, 2) for x in (q, k)]  # (B, T, H, K) -> (B, H, T, K)
            mask = allowed(by_head[0], by_head[1], attend.mask, attend.causal)
            if mask is None:
                return attend(module, q, k, v)
            mask = mask.expand(1, 1, *mask.shape) if mask.dim() == 2 else mask
            return replace(attend, mask=change(mask), causal=False)(module, q, k, v)

        return call

    return lambda model: wrap_attend(model, wrap)


def _only_decoders(change: Callable[[nn.Module], bool]) -> Callable[[nn.Module], bool]:
    return lambda model: backbone(model).causal and change(model)


def _only_encoders(change: Callable[[nn.Module], bool]) -> Callable[[nn.Module], bool]:
    return lambda model: not backbone(model).causal and change(model)


def _seen_by_anyone(mask: Tensor) -> Tensor:
    """(.., T, S) -> (.., 1, S): keys that some query may attend to, so all but padding."""
    return mask.any(-2, keepdim=True)


def _next_too(mask: Tensor) -> Tensor:
    shifted = nn.functional.pad(mask, (1, 0))[..., :-1]  # what was allowed, one key later
    return (mask | shifted) & _seen_by_anyone(mask)


def _not_itself(mask: Tensor) -> Tensor:
    queries, keys = mask.shape[-2:]
    return mask & ~torch.eye(queries, keys, dtype=torch.bool, device=mask.device)


def _causal_encoder(model: nn.Module) -> bool:
    def wrap(attend: Attend) -> Attend:
        return replace(attend, causal=True) if isinstance(attend, PaddedAttend) else attend

    return wrap_attend(model, wrap)


def _with_minus_infinity(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
    causal: bool = False,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Attention that gives a query NaN if it may attend to nothing."""
    groups = q.shape[1] // k.shape[1]
    k, v = repeat_heads(k, groups), repeat_heads(v, groups)
    scores = q @ k.transpose(-2, -1) * scale_of(q, scale)  # (B, H, T, S)
    if (mask := allowed(q, k, mask, causal)) is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights


def _minus_infinity(model: nn.Module) -> bool:
    def wrap(attend: Attend) -> Attend:
        padded = isinstance(attend, PaddedAttend)
        return replace(attend, kernel=_with_minus_infinity) if padded else attend

    return wrap_attend(model, wrap)


def _windows(change: Callable[[int], int | None]) -> Callable[[nn.Module], bool]:
    def apply(model: nn.Module) -> bool:
        body: Any = backbone(model)
        windows = getattr(body.config, "windows", None)
        if windows is None or not any(windows):
            return False
        changed = tuple(None if w is None else change(w) for w in windows)
        body.config = replace(body.config, windows=changed)
        return True

    return apply


MISTAKES = (
    Mistake(
        "mask_inverted",
        "a query attends to what it must not, and to nothing else: True was taken for 'hidden'",
        "hfdl/nn/masks, where True = may attend; nn.MultiheadAttention means the opposite",
        _remasked(lambda mask: ~mask),
    ),
    Mistake(
        "no_mask",
        "everything is attended to, padding and later tokens too",
        "the mask that the attention is given",
        _only_decoders(_remasked(lambda mask: None)),
    ),
    Mistake(
        "no_causal_mask",
        "tokens see those after them",
        _CAUSAL,
        _only_decoders(_remasked(_seen_by_anyone)),
    ),
    Mistake(
        "padding_ignored",
        "padding is attended to",
        _PADDING,
        lambda model: without_input(model, "attention_mask", place=1),
    ),
    Mistake(
        "minus_infinity_mask",
        "masked scores are minus infinity, so a query that may attend to nothing becomes NaN, and "
        "so does all that sees it",
        "hfdl/nn/functional.py, masked_softmax",
        _only_decoders(_minus_infinity),
    ),
    Mistake(
        "sees_the_next_token",
        "the causal mask is shifted by one: each token sees the one that it is to foretell",
        _CAUSAL,
        _only_decoders(_remasked(_next_too)),
    ),
    Mistake(
        "does_not_see_itself",
        "the causal mask leaves the diagonal out: no token sees itself",
        _CAUSAL,
        _only_decoders(_remasked(_not_itself)),
    ),
    Mistake(
        "causal_encoder",
        "the encoder's tokens see only what came before them",
        "encoder_attend in hfdl/models/common.py",
        _only_encoders(_causal_encoder),
    ),
    Mistake(
        "window_ignored",
        "every earlier token is seen, where the config has a sliding window",
        "hfdl/nn/masks, sliding_window_mask",
        _windows(lambda window: None),
    ),
    Mistake(
        "window_one_wider",
        "the window does not count the token itself: one token more is seen",
        "hfdl/nn/masks, sliding_window_mask",
        _windows(lambda window: window + 1),
    ),
    Mistake(
        "window_one_narrower",
        "the window counts one token too few",
        "hfdl/nn/masks, sliding_window_mask",
        _windows(lambda window: window - 1 if window > 1 else window),
    ),
)
