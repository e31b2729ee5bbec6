"""Known mistakes in attention masks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from hfdl.nn.attend import Attend, AttentionLayer, PaddedAttend
from hfdl.nn.functional import allowed
from hfdl.parity.layouts import backbone
from hfdl.parity.mistakes.mistake import (
    Change,
    Mistake,
    changed_attend,
    softmax_kernel,
    without_input,
    wrap_attend,
)

_CAUSAL = "hfdl/nn/masks, causal_mask; decoder_attend in hfdl/models/common.py"
_PADDING = "hfdl/nn/masks, padding_mask; the attention_mask that the model is given"

MaskChange = Callable[[Tensor], Tensor | None]
"""What is allowed, (B or 1, 1, T, S) -> what is then allowed; None: everything."""


def _remasked(change: MaskChange) -> Change:
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


def _only_decoders(change: Change) -> Change:
    return lambda model: backbone(model).causal and change(model)


def _only_encoders(change: Change) -> Change:
    return lambda model: not backbone(model).causal and change(model)


def _seen_by_anyone(mask: Tensor) -> Tensor:
    """(.., T, S) -> (.., 1, S): keys that some query may attend to: all but padding."""
    return mask.any(-2, keepdim=True)


def _next_too(mask: Tensor) -> Tensor:
    shifted = nn.functional.pad(mask, (1, 0))[..., :-1]  # what was allowed, one key later
    return (mask | shifted) & _seen_by_anyone(mask)


def _not_itself(mask: Tensor) -> Tensor:
    queries, keys = mask.shape[-2:]
    return mask & ~torch.eye(queries, keys, dtype=torch.bool, device=mask.device)


def _windows(change: Callable[[int], int | None]) -> Change:
    def apply(model: nn.Module) -> bool:
        body = backbone(model)
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
        lambda model: without_input(model, "attention_mask", index=1),
    ),
    Mistake(
        "minus_infinity_mask",
        "masked scores are minus infinity, so a query that may attend to nothing becomes NaN, and "
        "so does all that sees it",
        "hfdl/nn/functional.py, masked_softmax",
        _only_decoders(changed_attend(kernel=softmax_kernel(masked=-math.inf))),
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
        _only_encoders(changed_attend(causal=True)),
    ),
    Mistake(
        "window_ignored",
        "tokens outside the window are seen, where the config has a sliding window",
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
