"""Losses of labelled items, one for each, so that a caller sums them and divides once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

IGNORED = -100
"""The label of an item that does not count."""


def token_losses(
    logits: Tensor,
    labels: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> Tensor:
    """Cross-entropy of each item, weighted, smoothed or focal.

    Args:
        logits: (N, C).
        labels: (N,) class numbers; -100 gives 0.
        weight: (C,) of each class; None: 1.
        label_smoothing: share of each target that is spread over all classes, as torch's (Szegedy
            et al. 2016, section 7).
        focal_gamma: each loss is multiplied by (1 - p)^gamma of its label's probability (Lin et
            al. 2017, equation 4); 0 is cross-entropy.

    Returns:
        (N,), in float32 at least.
    """
    logits = logits.to(at_least_float32(logits))
    losses = F.cross_entropy(
        logits, labels, weight=weight, ignore_index=IGNORED, label_smoothing=label_smoothing,
        reduction="none",
    )  # fmt: skip
    if focal_gamma == 0:
        return losses
    # log(1 - p) from the other classes: where p rounds to 1, what 1 - p leaves is no number.
    known = labels.clamp(min=0)[:, None]  # (N, 1)
    others = logits.scatter(1, known, torch.finfo(logits.dtype).min)  # (N, C)
    log_missing = others.logsumexp(-1) - logits.logsumexp(-1)  # (N,)
    return losses * torch.exp(focal_gamma * log_missing)


Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, C) and labels (N,) to a loss for each, (N,)."""

BUDGET = 1 << 24
"""Most logits that are alive at a time: 64 MiB of float32. A chunk of GPT-2's is 333 rows."""


@dataclass(frozen=True)
class Scored:
    """What a linear layer says of its labels.

    Args:
        total: the summed loss, a scalar with its gradient.
        losses: (N,) cross-entropy of each label in nats, 0 where none is asked for; None where
            gradients are wanted, for training reads the sum alone.
        best: (N,) the class that each row finds likeliest; None as ``losses``.
    """

    total: Tensor
    losses: Tensor | None = None
    best: Tensor | None = None


def chunked_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    labels: Tensor,
    *,
    loss: Loss = token_losses,
    budget: int = BUDGET,
) -> Scored:
    """A linear layer and a loss over its classes, without ever holding all of its logits.

    Rows are worked off in chunks. Of each the gradients are taken as soon as its loss is known,
    and its logits are let go; the backward pass only scales them (Hsu et al. 2024, Liger Kernel,
    section 3.2, https://arxiv.org/abs/2410.10989). No product is computed twice.

    Args:
        hidden: (N, D).
        weight: (C, D) of the layer.
        bias: (C,), or None.
        labels: (N,), -100 where none is asked for.
        loss: gives the loss of each row; cross-entropy by default.
        budget: most logits at a time. Where all of them are fewer, nothing is cut.
    """
    rows = max(1, budget // weight.shape[0])
    parts = (hidden, weight, bias)
    if torch.is_grad_enabled() and any(p is not None and p.requires_grad for p in parts):
        if len(hidden) <= rows:
            return Scored(loss(F.linear(hidden, weight, bias), labels).sum())
        total = _InChunks.apply(hidden, weight, bias, labels, loss, rows)
        assert isinstance(total, Tensor)
        return Scored(total)
    totals, losses, best = zip(
        *(
            _judge(F.linear(part, weight, bias), asked, loss)
            for part, asked in zip(hidden.split(rows), labels.split(rows), strict=True)
        ),
        strict=True,
    )
    return Scored(torch.stack(totals).sum(), torch.cat(losses), torch.cat(best))


def _judge(logits: Tensor, labels: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """The summed loss, each row's cross-entropy, and its likeliest class."""
    each = loss(logits, labels)  # (N,)
    plain = each if loss is token_losses else token_losses(logits, labels)
    return each.sum(), plain, logits.argmax(-1)


class _InChunks(torch.autograd.Function):
    """Forward and backward of each chunk in one go."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        labels: Tensor,
        loss: Loss,
        rows: int,
    ) -> Tensor:
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        sums = [
            # Wide, as one product over all rows sums: of bfloat16 many chunks would lose the small.
            torch.zeros_like(part, dtype=at_least_float32(part))
            if part is not None and needed
            else None
            for part, needed in zip((weight, bias), ctx.needs_input_grad[1:3], strict=True)
        ]
        layer = [None if p is None else p.detach().requires_grad_(s is not None)
                 for p, s in zip((weight, bias), sums, strict=True)]  # fmt: skip
        total = hidden.new_zeros((), dtype=at_least_float32(hidden))
        for start in range(0, len(hidden), rows):
            part = hidden[start : start + rows].detach().requires_grad_(of_hidden is not None)
            with torch.enable_grad():
                logits = F.linear(part, layer[0], layer[1])  # pyright: ignore[reportArgumentType]
                summed_loss = loss(logits, labels[start : start + rows]).sum()
            wanted = [x for x in (part, *layer) if x is not None and x.requires_grad]
            found = iter(torch.autograd.grad(summed_loss, wanted))
            if of_hidden is not None:
                of_hidden[start : start + rows] = next(found)
            for summed in sums:
                if summed is not None:
                    summed += next(found)
            total += summed_loss.detach()
        ctx.of_hidden = of_hidden
        ctx.sums = [None if summed is None else summed.to(weight.dtype) for summed in sums]
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        scale = grads[0]
        parts = [None if g is None else g * scale for g in (ctx.of_hidden, *ctx.sums)]
        return *parts, None, None, None


def at_least_float32(x: Tensor) -> torch.dtype:
    """The type of x, or float32 where that is narrower."""
    return torch.promote_types(x.dtype, torch.float32)
