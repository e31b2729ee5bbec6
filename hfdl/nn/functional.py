"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1, https://arxiv.org/abs/1706.03762).

    Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V

``attention`` is the formula, and gives the weights back. ``fused_attention`` (``hfdl/nn/fused.py``)
is the fast one with the same signature: they agree to rounding, and either may be given to any
model.

Shapes: B batch, H heads, G key-value heads (G divides H), T queries, S keys, K head width.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.nn.dropout import dropout as drop
from hfdl.nn.masks import causal_mask, combine


@runtime_checkable
class AttentionKernel(Protocol):
    """What ``attention`` and ``fused_attention`` have in common.

    Args of a call:
        q: queries.
        k, v: keys and values. Each key-value head serves H / G query heads that stand side by side:
            multi-head attention where G = H, multi-query where G = 1 (Shazeer 2019,
            https://arxiv.org/abs/1911.02150), grouped-query between (Ainslie et al. 2023,
            https://arxiv.org/abs/2305.13245).
        mask: broadcastable to (B, H, T, S); True = may attend. None: everything may.
        scale: what scores are multiplied by; K ** -0.5 where it is None.
        bias: added to the scaled scores, broadcastable to (B, H, T, S) (ALiBi, T5).
        causal: the T queries are the last T of the S positions and see none that come later.
        dropout: probability of dropping a weight; the caller gives 0 outside training.

    A call returns the output and the weights before dropout, or None in their place. A query that
    may attend to nothing gets zeros, never NaN.
    """

    def __call__(
        self,
        q: Float[Tensor, "B H T K"],
        k: Float[Tensor, "B G S K"],
        v: Float[Tensor, "B G S K"],
        mask: Bool[Tensor, "... #T #S"] | None = None,
        *,
        scale: float | None = None,
        bias: Float[Tensor, "... #T #S"] | None = None,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B H T S"] | None]: ...


def attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    v: Float[Tensor, "B G S K"],
    mask: Bool[Tensor, "... #T #S"] | None = None,
    *,
    scale: float | None = None,
    bias: Float[Tensor, "... #T #S"] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B H T S"]]:
    """The formula, step by step; arguments as in ``AttentionKernel``.

    Returns:
        the output and the weights; each row of weights sums to 1.

    Raises:
        ShapeError: the shapes do not fit each other.
    """
    check_shapes(q, k, v)
    groups = q.shape[1] // k.shape[1]
    k, v = repeat_heads(k, groups), repeat_heads(v, groups)  # (B, H, S, K)
    scores = q @ k.transpose(-2, -1) * scale_of(q, scale)  # (B, H, T, S)
    if bias is not None:
        scores = scores + bias.to(scores.dtype)
    weights = masked_softmax(scores, allowed(q, k, mask, causal))  # (B, H, T, S)
    return drop(weights, dropout, training=True) @ v, weights  # (B, H, T, K)


def masked_softmax(
    scores: Float[Tensor, "*T S"], mask: Bool[Tensor, "*#T #S"] | None
) -> Float[Tensor, "*T S"]:
    """Softmax over the keys that may be attended to.

    Half types are raised to float32 inside, where sums of many small numbers keep their digits.

    Args:
        scores: of each query and key.
        mask: True = may attend; None: all may.

    Returns:
        rows that sum to 1, or zeros in rows where no key is allowed.
    """
    half = scores.dtype in (torch.float16, torch.bfloat16)
    inner = scores.float() if half else scores
    if mask is None:
        return inner.softmax(-1).to(scores.dtype)
    # The least finite number, not -inf: a row of -inf alone would become NaN and poison the rest.
    weights = inner.masked_fill(~mask, torch.finfo(inner.dtype).min).softmax(-1)
    return weights.masked_fill(~mask, 0.0).to(scores.dtype)


def repeat_heads(x: Float[Tensor, "B G S K"], groups: int) -> Float[Tensor, "B H S K"]:
    """Give each query head its key-value head; H = G * groups.

    Neighbours share a head (a a b b, not a b a b): this is where ``repeat`` would be wrong.
    """
    return x if groups == 1 else x.repeat_interleave(groups, dim=1)


def allowed(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    mask: Bool[Tensor, "... #T #S"] | None,
    causal: bool,
) -> Bool[Tensor, "... #T #S"] | None:
    """Which keys each query may attend to: ``mask`` and causality together, or None for all."""
    if causal and q.shape[-2] > 1:  # one query is the last position: nothing comes later
        mask = combine(mask, causal_mask(q.shape[-2], k.shape[-2], device=q.device))
    return mask


def scale_of(q: Float[Tensor, "B H T K"], scale: float | None) -> float:
    """The scale that was asked for, or 1 / sqrt(K)."""
    return q.shape[-1] ** -0.5 if scale is None else scale


def check_shapes(q: Float[Tensor, "..."], k: Float[Tensor, "..."], v: Float[Tensor, "..."]) -> None:
    """Refuse q, k and v that do not fit each other.

    Raises:
        ShapeError: they are not of four dimensions, the batch, head width or number of keys
            differs, or the key-value heads do not divide the query heads.
    """
    of_q, of_k, of_v = q.shape, k.shape, v.shape
    shapes = "q {}, k {}, v {}"  # filled in where it is needed: this runs in every layer
    if not len(of_q) == len(of_k) == len(of_v) == 4:
        raise ShapeError(
            shapes.format(tuple(of_q), tuple(of_k), tuple(of_v)),
            rule="attention takes q (B, H, T, K) and k, v (B, G, S, K)",
        )
    if of_k[:3] != of_v[:3] or of_q[0] != of_k[0] or of_q[3] != of_k[3]:
        raise ShapeError(
            shapes.format(tuple(of_q), tuple(of_k), tuple(of_v)),
            rule="q, k and v share the batch; q and k the head width; k and v all the rest",
        )
    if of_q[1] % of_k[1]:
        raise ShapeError(
            f"{of_q[1]} query heads and {of_k[1]} key-value heads",
            rule="the key-value heads must divide the query heads",
        )
