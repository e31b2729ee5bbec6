"""Attention head after head, for long sequences on a CPU where oneDNN multiplies faster.

torch multiplies batches of float32 matrices by MKL alone (see ``hfdl.nn.linear``). Heads of long
sequences are matrices large enough for a call of oneDNN each; and the scores of one head, T by S
numbers, stay in the processor's cache from the product to the softmax and on to the values. The
formulas, and the random bits of dropout, are those of ``hfdl.nn.attention_gradient``.

Shapes: B batch, H heads, T queries, S keys, K head width; N = B H.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hfdl.nn.cheap_dropout import LEVELS, keep_mask
from hfdl.nn.linear import onednn_product, onednn_takes

SMALLEST = 1 << 20
"""Fewest multiplications of a product, T S K, for which heads are taken one by one in training."""
SMALLEST_WITHOUT_GRADIENT = 1 << 22
"""The same where nothing is differentiated: torch's fused kernel is the other way then."""

_softmax_backward: Any = torch.ops.aten._softmax_backward_data


def head_by_head_pays(
    q: Float[Tensor, "B H T K"], k: Float[Tensor, "B H S K"], smallest: int = SMALLEST
) -> bool:
    """Whether this is the faster way."""
    return q.shape[-2] * k.shape[-2] * q.shape[-1] >= smallest and onednn_takes(q)


def attention_by_head(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    *,
    scale: float,
    kept: int = LEVELS,
) -> Float[Tensor, "B H T K"]:
    """Scaled dot-product attention; it can be differentiated once.

    Args:
        q, k, v: queries, keys and values.
        additive: what is added to the scores, broadcastable to (B, H, T, S); None: 0.
        scale: what scores are multiplied by.
        kept: how many of ``LEVELS`` weights dropout keeps.
    """
    return cast(Any, _ByHead).apply(q, k, v, additive, scale, kept)


class _ByHead(torch.autograd.Function):
    """``hfdl.nn.attention_gradient``'s lines, a head at a time."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B H S K"],
        v: Float[Tensor, "B H S K"],
        additive: Float[Tensor, "... #T #S"] | None,
        scale: float,
        kept: int,
    ) -> Float[Tensor, "B H T K"]:
        shape, s = q.shape, k.shape[-2]
        if additive is not None:
            additive = additive.expand(*shape[:-1], s)  # (B, H, T, S), without a copy
        q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # (N, T, K), (N, S, K)
        trained = any(ctx.needs_input_grad)
        weights = q.new_empty(len(q) if trained else 1, shape[-2], s)
        mask = None if kept == LEVELS else keep_mask(len(q) * shape[-2] * s, kept)
        if mask is not None:
            mask = mask.view(len(q), shape[-2], s)
        ctx.shape, ctx.scale, ctx.rise = shape, scale, LEVELS / max(kept, 1)
        out = torch.empty_like(q)
        for n in range(len(q)):
            scores = onednn_product(q[n], k[n]).mul_(scale)  # (T, S)
            if additive is not None:
                scores.add_(additive[n // shape[1], n % shape[1]])
            p = torch.softmax(scores, -1, out=weights[n if trained else 0])
            out[n] = onednn_product(p if mask is None else p * mask[n], v[n].t())
        if mask is not None:
            out.mul_(ctx.rise)
        ctx.save_for_backward(q, k, v, weights, mask)
        return out.view(shape)  # (N, T, K) -> (B, H, T, K)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        q, k, v, weights, mask = ctx.saved_tensors
        of_out = grads[0].reshape(q.shape)  # (B, H, T, K) -> (N, T, K)
        if mask is not None:
            of_out = of_out * ctx.rise
        of_q, of_k, of_v = (torch.empty_like(x) for x in (q, k, v))
        for n in range(len(q)):
            p, m = weights[n], None if mask is None else mask[n]
            # The transposes of dV and dK: oneDNN has them faster, for K is the small side.
            of_v[n] = onednn_product(of_out[n].t(), (p if m is None else p * m).t()).t()
            of_p = onednn_product(of_out[n], v[n])  # (T, S)
            if m is not None:
                of_p.mul_(m)
            of_scores = _softmax_backward(of_p, p, -1, p.dtype).mul_(ctx.scale)
            of_q[n] = onednn_product(of_scores, k[n].t())
            of_k[n] = onednn_product(q[n].t(), of_scores.t()).t()
        # (N, ...) -> (B, H, ...)
        return *(x.unflatten(0, ctx.shape[:2]) for x in (of_q, of_k, of_v)), None, None, None
