"""Random bits for dropout on a CPU, where torch's cost more than the layer they follow.

``torch.nn.functional.dropout`` draws a Bernoulli number for each element, which takes longer on a
CPU than a GELU of it; here 64 random bits serve four elements. The distribution is the same but for
the probability, which is rounded to a multiple of 2**-16. On a GPU torch's own runs.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

LEVELS = 1 << 16
"""Equally likely 16-bit numbers: probabilities are multiples of one over this."""

_LOWEST = -(1 << 63)


def cheap_dropout(x: Float[Tensor, "*shape"], p: float) -> Float[Tensor, "*shape"]:
    """``F.dropout`` in training, with cheap random bits where ``x`` is on a CPU.

    Args:
        x: what is dropped from.
        p: probability of zeroing an element.
    """
    kept = levels_kept(p)
    if kept == LEVELS:
        return x
    if x.device.type != "cpu" or kept == 0:
        return F.dropout(x, p)
    mask = keep_mask(x.numel(), kept).view(x.shape)
    return cast(Any, _Drop).apply(x, mask, LEVELS / kept)


def levels_kept(p: float) -> int:
    """How many of ``LEVELS`` numbers stand for an element that is kept."""
    return round((1.0 - p) * LEVELS)


def keep_mask(n: int, kept: int) -> Bool[Tensor, "n"]:
    """n independent booleans, each True with probability ``kept / 2**16``.

    The bits come from torch's global CPU generator, so ``torch.manual_seed`` and a saved generator
    state repeat them.
    """
    words = torch.empty(-(-n // 4), dtype=torch.int64)
    words.random_(_LOWEST, None)  # all 64 bits; without bounds the sign bit would stay 0
    numbers = words.view(torch.int16)[:n]  # uniform on [-2**15, 2**15)
    return numbers < kept - LEVELS // 2


class _Drop(torch.autograd.Function):
    """x * mask * scale, keeping one byte an element for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], scale: float
    ) -> Float[Tensor, "*shape"]:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return (grads[0] * mask).mul_(ctx.scale), None, None
