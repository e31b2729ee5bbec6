"""Dropout (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html), cheap on a CPU.

In training each element is zeroed with probability p and the others are divided by 1 - p, so that
the expectation stays. ``torch.nn.functional.dropout`` is the reference, and what runs on a GPU. On
a CPU it draws a Bernoulli number for each element, which takes longer than a GELU of it; here 64
random bits serve four elements.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 1 << 16
"""Equally likely 16-bit numbers: probabilities are multiples of one over this."""

_LOWEST = -(1 << 63)


class Dropout(nn.Module):
    """Dropout with the same distribution as ``nn.Dropout``, from another stream of random bits.

    Args:
        p: probability of zeroing an element, in [0, 1]. On a CPU it is rounded to a multiple of
            2**-16, and the scale is that of the rounded value: the expectation is exact.

    Raises:
        ValueError: p is not in [0, 1].
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p is {p}; a probability lies between 0 and 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of a tensor of any shape, in training; else give it back."""
        return dropout(x, self.p, training=True) if self.training and self.p else x

    def extra_repr(self) -> str:
        """The probability, for ``print(model)``."""
        return f"p={self.p}"


def dropout(x: Tensor, p: float, *, training: bool) -> Tensor:
    """``F.dropout`` with cheap random bits where ``x`` is on a CPU.

    Args:
        x: any shape, floating point.
        p: probability of zeroing an element.
        training: False gives ``x`` back.

    Returns:
        as ``x``.
    """
    kept = levels_kept(p)
    if not training or kept == LEVELS:
        return x
    if x.device.type != "cpu" or kept == 0:
        return F.dropout(x, p)
    out = _Drop.apply(x, keep_mask(x.numel(), kept).view(x.shape), LEVELS / kept)
    assert isinstance(out, Tensor)
    return out


def levels_kept(p: float) -> int:
    """How many of ``LEVELS`` numbers stand for an element that is kept."""
    return round((1.0 - p) * LEVELS)


def keep_mask(n: int, kept: int) -> Tensor:
    """n independent booleans, each True with probability ``kept / 2**16``; shape (n,).

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
    def forward(ctx: Any, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return (grads[0] * mask).mul_(ctx.scale), None, None


# ---- Put hfdl's dropout in the place of torch's: the same distribution for a third of the time ---


def use_cheap_dropout(model: nn.Module) -> int:
    """Replace every ``nn.Dropout`` of a model by ``hfdl.nn.Dropout`` of the same probability.

    Dropout has no weights, so names and saved files stay as they are. Subclasses are left alone,
    and so is dropout inside fused attention.

    Returns:
        how many were replaced.
    """
    replaced = 0
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
                replaced += 1
    return replaced
