"""Attention head after head, for long sequences on a CPU where oneDNN multiplies faster.

torch multiplies batches of float32 matrices by MKL alone (see ``onednn`` here). Heads of long
sequences are matrices large enough for a call of oneDNN each; and the scores of one head, T by S
numbers, stay in the processor's cache from the product to the softmax and on to the values. The
formulas, and the random bits of dropout, are those of ``hfdl.nn.cpu.attention_gradient``.

Shapes: B batch, H heads, T queries, S keys, K head width; N = B H.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hfdl.nn.cpu import onednn
from hfdl.nn.cpu.cheap_dropout import LEVELS, keep_mask

SMALLEST = 1 << 20
"""Fewest multiplications of a product, T S K, for which heads are taken one by one in training."""
SMALLEST_WITHOUT_GRADIENT = 1 << 22
"""The same where nothing is differentiated: torch's fused kernel is the other way then."""

_softmax_backward: Any = torch.ops.aten._softmax_backward_data


def head_by_head_pays(
    q: Float[Tensor, "B H T K"], k: Float[Tensor, "B H S K"], smallest: int = SMALLEST
) -> bool:
    """Whether this is the faster way."""
    if torch.compiler.is_compiling():  # before sizes are compared: they may be left open
        return False
    return q.shape[-2] * k.shape[-2] * q.shape[-1] >= smallest and onednn.takes(q)


def attention_by_head(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    *,
    scale: float,
    kept: int = LEVELS,
    held: bool = True,
) -> Float[Tensor, "B H T K"]:
    """Scaled dot-product attention; it can be differentiated once.

    Args:
        q, k, v: queries, keys and values.
        additive: what is added to the scores, broadcastable to (B, H, T, S); None: 0.
        scale: what scores are multiplied by.
        kept: how many of ``LEVELS`` weights dropout keeps.
        held: keep the weights for the backward pass; else they are computed again there.
    """
    return cast(Any, _ByHead).apply(q, k, v, additive, scale, kept, held)


class _ByHead(torch.autograd.Function):
    """``hfdl.nn.cpu.attention_gradient``'s lines, a head at a time."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S K"],
        additive: Float[Tensor, "... #T #S"] | None,
        scale: float,
        kept: int,
        held: bool,
    ) -> Float[Tensor, "B H T K"]:
        shape, s = q.shape, k.shape[-2]
        q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # (N, T, K), (N, S, K)
        held = held and any(ctx.needs_input_grad)
        weights = q.new_empty(len(q) if held else 1, shape[-2], s)
        mask = None
        if kept != LEVELS:
            mask = keep_mask(len(q) * shape[-2] * s, kept).view(len(q), shape[-2], s)
        ctx.shape, ctx.scale, ctx.rise = shape, scale, LEVELS / max(kept, 1)
        out = torch.empty_like(q)
        for n in range(len(q)):
            p = weights[n if held else 0]
            _weights(q[n], k[n], _of_head(additive, n, shape), scale, p)
            out[n] = onednn.product(p if mask is None else p * mask[n], v[n].t())
        if mask is not None:
            out.mul_(ctx.rise)
        ctx.save_for_backward(q, k, v, weights if held else None, mask, None if held else additive)
        return out.view(shape)  # (N, T, K) -> (B, H, T, K)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        weights: Tensor | None
        mask: Tensor | None
        q, k, v, weights, mask, additive = ctx.saved_tensors
        of_out = grads[0].reshape(q.shape)  # (B, H, T, K) -> (N, T, K)
        if mask is not None:
            of_out = of_out * ctx.rise
        p = q.new_empty(q.shape[1], k.shape[1])  # where they were not held
        of_q, of_k, of_v = (torch.empty_like(x) for x in (q, k, v))
        for n in range(len(q)):
            m = None if mask is None else mask[n]
            if weights is not None:
                p = weights[n]
            else:
                _weights(q[n], k[n], _of_head(additive, n, ctx.shape), ctx.scale, p)
            # The transposes of dV and dK: oneDNN has them faster, for K is the small side.
            of_v[n] = onednn.product(of_out[n].t(), (p if m is None else p * m).t()).t()
            of_p = onednn.product(of_out[n], v[n])  # (T, S)
            if m is not None:
                of_p.mul_(m)
            of_scores = _softmax_backward(of_p, p, -1, p.dtype).mul_(ctx.scale)
            of_q[n] = onednn.product(of_scores, k[n].t())
            of_k[n] = onednn.product(q[n].t(), of_scores.t()).t()
        # (N, ...) -> (B, H, ...)
        batch, heads = ctx.shape[:2]
        of_each: list[Tensor] = [x.unflatten(0, (batch, heads)) for x in (of_q, of_k, of_v)]
        return *of_each, None, None, None, None


def _of_head(
    additive: Float[Tensor, "... #T #S"] | None, n: int, shape: torch.Size
) -> Float[Tensor, "#T #S"] | None:
    """What is added to the scores of one head of B H."""
    if additive is None or additive.dim() <= 2:
        return additive
    return additive.expand(*shape[:2], *additive.shape[-2:])[n // shape[1], n % shape[1]]


def _weights(
    q: Float[Tensor, "T K"],
    k: Float[Tensor, "S K"],
    additive: Float[Tensor, "#T #S"] | None,
    scale: float,
    out: Float[Tensor, "T S"],
) -> None:
    """P = softmax(scale Q K^T + additive) of one head, into ``out``."""
    scores = onednn.product(q, k).mul_(scale)
    if additive is not None:
        scores.add_(additive)
    torch.softmax(scores, -1, out=out)
