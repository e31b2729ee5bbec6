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

import math
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hfdl.nn.cpu import onednn
from hfdl.nn.cpu.attention_blocks import blocks, of_block, weights_of
from hfdl.nn.cpu.cheap_dropout import LEVELS, bits_of, dropped, keep_mask, levels_kept
from hfdl.nn.masks import to_additive

HELD = 1 << 24
"""Most bytes of weights that a layer keeps for its backward pass; more are computed again there."""

BLOCK = 1 << 18
"""Weights that are then computed at a time: 1 MiB of float32, what a core's cache holds."""

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
        dropout: probability of dropping a weight; bits as in ``hfdl.nn.cpu.cheap_dropout``.
    """
    return cast(Any, _Attention).apply(q, k, v, additive, scale, levels_kept(dropout))


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
    """Batch and heads as one dimension N = B H, so that each product is one batched product.

    Of long sequences the weights are a training step's largest tensors. They are then computed in
    blocks that stay in the processor's cache, and again in the backward pass: with the fetching
    saved it costs a tenth of the attention's time.
    """

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
        ctx.quick = onednn.takes(q)
        q, k, v = q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)  # (N, T, K), (N, S, K)
        whole = (len(q), q.shape[1], k.shape[1])  # N, T, S
        mask = None if kept == LEVELS else keep_mask(math.prod(whole), kept).view(whole)
        out, rise = torch.empty_like(q), LEVELS / max(kept, 1)
        held = math.prod(whole) * q.element_size() <= HELD
        parts, weights = blocks(whole, shape[1], math.prod(whole) if held else BLOCK), None
        with onednn.batched_products(ctx.quick):
            for part in parts:
                weights = weights_of(q[part], k[part], of_block(additive, part, shape[:2]), scale)
                left, values = weights, v[part]
                if mask is not None:
                    left, values = dropped(weights, bits_of(mask[part], q.dtype)), values * rise
                torch.bmm(left, values, out=out[part])
        kept_weights, added = (weights, None) if held else (None, additive)
        ctx.save_for_backward(q, k, v, kept_weights, mask, added)
        ctx.shape, ctx.scale, ctx.rise, ctx.parts = shape, scale, rise, parts
        return out.view(shape)  # (N, T, K) -> (B, H, T, K)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        q, k, v, held, mask, additive = ctx.saved_tensors
        of_out = grads[0].reshape(q.shape)  # (B, H, T, K) -> (N, T, K)
        of_q, of_k, of_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        with onednn.batched_products(ctx.quick):
            for part in ctx.parts:
                weights = held
                if weights is None:
                    added = of_block(additive, part, ctx.shape[:2])
                    weights = weights_of(q[part], k[part], added, ctx.scale)
                left, of_part, bits = weights, of_out[part], None
                if mask is not None:
                    bits = bits_of(mask[part], q.dtype)
                    left, of_part = dropped(weights, bits), of_part * ctx.rise
                torch.bmm(left.transpose(1, 2), of_part, out=of_v[part])
                of_weights = torch.bmm(of_part, v[part].transpose(1, 2))  # (n, T, S)
                if bits is not None:
                    dropped(of_weights, bits, out=of_weights)
                of_scores = _softmax_backward(of_weights, weights, -1, weights.dtype)
                rest = ctx.scale
                if q.dtype.itemsize == 2:  # rounded where the formula's gradient is
                    of_scores, rest = of_scores.mul_(rest), 1.0
                _scaled(of_scores, k[part], rest, of_q[part])
                _scaled(of_scores.transpose(1, 2), q[part], rest, of_k[part])
        batch, heads = ctx.shape[:2]
        # (N, ...) -> (B, H, ...)
        return *(x.unflatten(0, (batch, heads)) for x in (of_q, of_k, of_v)), None, None, None


def _scaled(
    a: Float[Tensor, "n _ _"], b: Float[Tensor, "n _ K"], scale: float, out: Float[Tensor, "n _ K"]
) -> None:
    """scale A B, into ``out``."""
    torch.baddbmm(out, a, b, beta=0, alpha=scale, out=out)
