"""Losses of labelled items, one for each, so that a caller sums them and divides once.

Shapes: N items, C classes, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from hfdl.nn.linear import linear

IGNORED = -100
"""The label of an item that does not count."""


def token_losses(
    logits: Float[Tensor, "N C"],
    labels: Int[Tensor, "N"],
    *,
    weight: Float[Tensor, "C"] | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> Float[Tensor, "N"]:
    """Cross-entropy of each item, weighted, smoothed or focal; in float32 at least.

    Args:
        logits: of each class.
        labels: class numbers; -100 gives 0.
        weight: of each class; None: 1.
        label_smoothing: share of each target that is spread over all classes, as torch's (Szegedy
            et al. 2016, section 7).
        focal_gamma: each loss is multiplied by (1 - p)^gamma of its label's probability (Lin et
            al. 2017, equation 4); 0 is cross-entropy.
    """
    logits = logits.to(at_least_float32(logits))
    losses = F.cross_entropy(
        logits, labels, weight=weight, ignore_index=IGNORED, label_smoothing=label_smoothing,
        reduction="none",
    )  # fmt: skip
    if focal_gamma == 0:
        return losses
    # log(1 - p) from the other classes: where p rounds to 1, what 1 - p leaves is no number.
    right = labels.clamp(min=0)[:, None]  # (N, 1)
    others = logits.scatter(1, right, torch.finfo(logits.dtype).min)  # (N, C)
    log_missing = others.logsumexp(-1) - logits.logsumexp(-1)  # (N,)
    return losses * torch.exp(focal_gamma * log_missing)


Loss = Callable[[Float[Tensor, "N C"], Int[Tensor, "N"]], Float[Tensor, "N"]]
"""From logits and labels to the loss of each item."""

BUDGET = 1 << 24
"""Most logits that are alive at a time: 64 MiB of float32. A chunk of GPT-2's is 333 rows."""


@dataclass(frozen=True)
class Scored:
    """The losses of a linear layer's logits.

    Args:
        total: the summed loss, with its gradient.
        losses: cross-entropy of each label in nats, 0 where the label is -100; None where
            gradients are taken, for training reads the sum alone.
        best: the likeliest class of each row; None as ``losses``.
    """

    total: Float[Tensor, ""]
    losses: Float[Tensor, "N"] | None = None
    best: Int[Tensor, "N"] | None = None


def chunked_loss(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "C D"],
    bias: Float[Tensor, "C"] | None,
    labels: Int[Tensor, "N"],
    *,
    loss: Loss = token_losses,
    budget: int = BUDGET,
) -> Scored:
    """A linear layer and a loss over its classes, without ever holding all of its logits.

    Rows are worked off in chunks. Of each the gradients are taken as soon as its loss is known,
    and its logits are let go; the backward pass only scales them (Hsu et al. 2024, Liger Kernel,
    section 3.2, https://arxiv.org/abs/2410.10989). No product is computed twice.

    Args:
        hidden: the layer's inputs.
        weight, bias: of the layer.
        labels: -100 where no loss is taken.
        loss: gives the loss of each row; cross-entropy by default.
        budget: most logits at a time. Where all of them are fewer, nothing is cut.
    """
    rows = max(1, budget // weight.shape[0])
    parts = (hidden, weight, bias)
    if torch.is_grad_enabled() and any(p is not None and p.requires_grad for p in parts):
        if len(hidden) <= rows:
            return Scored(loss(linear(hidden, weight, bias), labels).sum())
        return Scored(cast(Any, _InChunks).apply(hidden, weight, bias, labels, loss, rows))
    totals, losses, best = zip(
        *(
            _scored(linear(part, weight, bias), part_labels, loss)
            for part, part_labels in zip(
                torch.split(hidden, rows), torch.split(labels, rows), strict=True
            )
        ),
        strict=True,
    )
    return Scored(torch.stack(totals).sum(), torch.cat(losses), torch.cat(best))


def _scored(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, "N"], loss: Loss
) -> tuple[Float[Tensor, ""], Float[Tensor, "N"], Int[Tensor, "N"]]:
    """The summed loss, each row's cross-entropy, and its likeliest class."""
    losses = loss(logits, labels)
    plain = losses if loss is token_losses else token_losses(logits, labels)
    return losses.sum(), plain, logits.argmax(-1)


class _InChunks(torch.autograd.Function):
    """Forward and backward of each chunk in one go."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        hidden: Float[Tensor, "N D"],
        weight: Float[Tensor, "C D"],
        bias: Float[Tensor, "C"] | None,
        labels: Int[Tensor, "N"],
        loss: Loss,
        rows: int,
    ) -> Float[Tensor, ""]:
        of_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        layer = [
            None if p is None else p.detach().requires_grad_(needed)
            for p, needed in zip((weight, bias), ctx.needs_input_grad[1:3], strict=True)
        ]
        sums: list[Tensor | None] = [None, None]
        total = hidden.new_zeros((), dtype=at_least_float32(hidden))
        for start in range(0, len(hidden), rows):
            part = hidden[start : start + rows].detach().requires_grad_(of_hidden is not None)
            with torch.enable_grad():
                logits = linear(part, layer[0], layer[1])  # pyright: ignore[reportArgumentType]
            summed_loss, of_logits = _with_gradient(logits, labels[start : start + rows], loss)
            inputs = [x for x in (part, *layer) if x is not None and x.requires_grad]
            gradients = list(torch.autograd.grad(logits, inputs, of_logits))
            del logits, of_logits  # before the next are formed; so the gradients, by pop
            if of_hidden is not None:
                of_hidden[start : start + rows] = gradients.pop(0)
            for i, parameter in enumerate(layer):
                if parameter is not None and parameter.requires_grad:
                    sums[i] = _sum(sums[i], gradients.pop(0))
            total += summed_loss
        ctx.dtype = weight.dtype
        ctx.save_for_backward(of_hidden, *sums)  # let go of as soon as they are scaled
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        of_hidden, *sums = ctx.saved_tensors
        parts = [None if g is None else g * grads[0] for g in (of_hidden,)]
        parts += [None if g is None else _scaled(g.to(ctx.dtype), grads[0]) for g in sums]
        return *parts, None, None, None


def _with_gradient(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, "N"], loss: Loss
) -> tuple[Float[Tensor, ""], Float[Tensor, "N C"]]:
    """The summed loss of logits, and its gradient; what was in the logits may be gone after it."""
    logits = logits.detach()
    if loss is token_losses:
        return _with_cross_entropy_gradient(logits, labels)
    logits.requires_grad_()
    with torch.enable_grad():
        summed = loss(logits, labels).sum()
    (of_logits,) = torch.autograd.grad(summed, logits)
    return summed.detach(), of_logits


def _with_cross_entropy_gradient(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, "N"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "N C"]]:
    """The same of cross-entropy, softmax(logits) - onehot(labels), in the place of the logits.

    A chunk of logits is the largest tensor of a training step, and autograd would make three more
    of its size.
    """
    in_place = logits.device.type == "cpu" and logits.dtype is at_least_float32(logits)
    right = labels.clamp(min=0)[:, None]  # (N, 1)
    ignored = labels == IGNORED
    log_p = torch.log_softmax(
        logits, -1, dtype=at_least_float32(logits), out=logits if in_place else None
    )
    losses = -log_p.gather(1, right).squeeze(1).masked_fill(ignored, 0.0)
    gradient = log_p.exp_()
    gradient.scatter_add_(1, right, gradient.new_full((), -1.0).expand_as(right))
    if bool(ignored.any()):
        gradient[ignored] = 0.0
    return losses.sum(), gradient.to(logits.dtype)


def _sum(
    so_far: Float[Tensor, "*shape"] | None, gradient: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Wide, as one product over all rows sums: of bfloat16 many chunks would lose the small."""
    if so_far is None:
        return gradient.to(at_least_float32(gradient))
    return so_far.add_(gradient)


def _scaled(gradient: Float[Tensor, "*shape"], scale: Float[Tensor, ""]) -> Float[Tensor, "*shape"]:
    """Scaled, row by row in memory; as ``linear`` leaves it, it may be column by column."""
    return torch.mul(gradient, scale, out=gradient.new_empty(gradient.shape))


def at_least_float32(x: Float[Tensor, "..."]) -> torch.dtype:
    """The type of x, or float32 where that is narrower."""
    return torch.promote_types(x.dtype, torch.float32)
