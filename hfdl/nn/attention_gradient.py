"""Attention whose gradient is written out, for training on a CPU.

    S = scale Q K^T + additive,  P = softmax(S),  O = (M * P) V

``*`` is element by element, and M the dropout: 0, or 1 / (1 - p). From dO follow

    dV = (M * P)^T dO,  dP = M * (dO V^T),  dS = P * (dP - rowsum(dP * P))
    dQ = scale dS K,    dK = scale dS^T Q

(the third is the derivative of softmax; Dao et al. 2022, FlashAttention, appendix B.4,
https://arxiv.org/abs/2205.14135). Autograd would find the same from the formula, through half a
dozen more tensors of the size of P; torch's fused kernel keeps none of that size and computes P
twice, which pays for long sequences only.

Shapes: B batch, H heads, T queries, S keys, K head width; N = B H.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hfdl.nn.attention_by_head import attention_by_head, head_by_head_pays
from hfdl.nn.cheap_dropout import LEVELS, keep_mask, levels_kept
from hfdl.nn.masks import to_additive

_softmax_backward: Any = torch.ops.aten._softmax_backward_data
"""(dP, P, dimension, dtype) -> dS: the third line above, in one pass."""


def differentiated_attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    *,
    scale: float,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """Scaled dot-product attention on a CPU; it can be differentiated once.

    A query that may attend to nothing gets something finite.

    Args:
        q, k, v: queries, keys and values.
        additive: what is added to the scores, broadcastable to (B, H, T, S); None: 0. See
            ``additive_mask``.
        scale: what scores are multiplied by.
        dropout: probability of dropping a weight; bits as in ``hfdl.nn.cheap_dropout``.
    """
    kept = levels_kept(dropout)
    if head_by_head_pays(q, k):
        return attention_by_head(q, k, v, additive, scale=scale, kept=kept)
    return cast(Any, _Attention).apply(q, k, v, additive, scale, kept)


def additive_mask(mask: Bool[Tensor, "*shape"], dtype: torch.dtype) -> Float[Tensor, "*shape"]:
    """What is added to scores: 0 where ``mask`` is True, else half the least number of ``dtype``.

    Half, so that the sum with any score is finite, float16 included; its exponential is still
    exactly 0 beside a key that may be attended to.
    """
    return to_additive(mask, dtype) / 2


def additive_causal_mask(t: int, s: int, dtype: torch.dtype) -> Float[Tensor, "t s"]:
    """The same of the causal mask of t queries, the last of s positions."""
    return torch.full((t, s), torch.finfo(dtype).min / 2, dtype=dtype).triu_(s - t + 1)


class _Attention(torch.autograd.Function):
    """Batch and heads as one dimension N = B H, so that each product is one batched product."""

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
        shape = q.shape
        q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # (N, T, K), (N, S, K)
        scores = _scores(q, k, additive, scale, shape[0])  # (N, T, S)
        weights = torch.softmax(scores, -1)  # half types are raised inside
        mask = None if kept == LEVELS else keep_mask(weights.numel(), kept).view(weights.shape)
        ctx.save_for_backward(q, k, v, weights, mask)
        ctx.shape, ctx.scale, ctx.rise = shape, scale, LEVELS / max(kept, 1)
        if mask is not None:
            weights, v = weights * mask, v * ctx.rise
        return torch.bmm(weights, v).view(shape)  # (N, T, K) -> (B, H, T, K)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        q, k, v, weights, mask = ctx.saved_tensors
        of_out = grads[0].reshape(q.shape)  # (B, H, T, K) -> (N, T, K)
        dropped = weights
        if mask is not None:
            dropped, of_out = weights * mask, of_out * ctx.rise
        of_v = torch.bmm(dropped.transpose(1, 2), of_out)
        of_weights = torch.bmm(of_out, v.transpose(1, 2))  # (N, T, S)
        if mask is not None:
            of_weights.mul_(mask)
        of_scores = _softmax_backward(of_weights, weights, -1, weights.dtype)
        of_scores.mul_(ctx.scale)
        of_q, of_k = torch.bmm(of_scores, k), torch.bmm(of_scores.transpose(1, 2), q)
        batch, heads = ctx.shape[:2]
        # (N, ...) -> (B, H, ...)
        return *(x.unflatten(0, (batch, heads)) for x in (of_q, of_k, of_v)), None, None, None


def _scores(
    q: Float[Tensor, "N T K"],
    k: Float[Tensor, "N S K"],
    additive: Float[Tensor, "... #T #S"] | None,
    scale: float,
    batch: int,
) -> Float[Tensor, "N T S"]:
    """scale Q K^T + additive."""
    if additive is None or additive.dim() > 2:
        scores = torch.bmm(q, k.transpose(1, 2)).mul_(scale)
        if additive is not None:
            scores.view(batch, -1, *scores.shape[1:]).add_(additive)  # as (B, H, T, S)
        return scores
    return torch.baddbmm(additive, q, k.transpose(1, 2), alpha=scale)  # (T, S) goes to each of N
