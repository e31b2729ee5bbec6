"""Random bits for dropout on a CPU, where torch's cost more than the layer they follow.

``torch.nn.functional.dropout`` draws a Bernoulli number for each element, which takes longer on a
CPU than a GELU of it; here 64 random bits serve four elements. The distribution is the same but for
the probability, which is rounded to a multiple of 2**-16. On a GPU torch's own runs.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Shaped
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
    below = kept - LEVELS // 2
    if kept == 0:
        return torch.zeros(n, dtype=torch.bool)
    # "number < below" is the sign of their difference where that does not overflow. A few passes
    # over 16 bits take half the time of a comparison, whose answers are 8 bits wide.
    numbers = numbers.clamp_(min=-1) if below > 0 else numbers.clamp_(max=0)
    signs = numbers.sub_(below).bitwise_right_shift_(15).bitwise_and_(1)
    return signs.to(torch.uint8).view(torch.bool)


def bits_of(mask: Bool[Tensor, "*shape"], dtype: torch.dtype) -> Shaped[Tensor, "*shape"]:
    """A mask as ``dropped`` wants it for such a type: all 16 bits of a number, or a boolean.

    A product with booleans is seven times slower than these bits in bfloat16; in float32 they would
    be four bytes an element.
    """
    return mask.view(torch.int8).to(torch.int16).neg_() if dtype.itemsize == 2 else mask


def dropped(
    x: Float[Tensor, "*shape"],
    bits: Shaped[Tensor, "*shape"],
    out: Float[Tensor, "*shape"] | None = None,
) -> Float[Tensor, "*shape"]:
    """x, with 0 in the place of what is dropped; ``out`` may be x."""
    if bits.dtype is torch.bool:
        return torch.mul(x, bits, out=out)
    given = None if out is None else out.view(torch.int16)
    return torch.bitwise_and(x.view(torch.int16), bits, out=given).view(x.dtype)


class _Drop(torch.autograd.Function):
    """x * mask * scale, keeping one byte an element for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"], scale: float
    ) -> Float[Tensor, "*shape"]:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return dropped(x, bits_of(mask, x.dtype)).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return dropped(grads[0], bits_of(mask, grads[0].dtype)).mul_(ctx.scale), None, None
