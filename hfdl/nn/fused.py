"""Scaled dot-product attention by the fastest way at hand; the formula is ``functional.attention``.

``fused_attention`` chooses between torch's fused kernel, the gradient that is written out in
``attention_gradient``, and the formula itself. All give the same output to rounding.

Shapes: B batch, H heads, G key-value heads (G divides H), T queries, S keys, K head width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from hfdl.nn.cpu.attention_blocks import (
    SMALLEST,
    SMALLEST_IN_TRAINING,
    attention_in_blocks,
    blocks_pay,
)
from hfdl.nn.cpu.attention_gradient import (
    additive_causal_mask,
    additive_mask,
    differentiated_attention,
)
from hfdl.nn.functional import allowed, attention, check_shapes, repeat_heads, scale_of


def fused_attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B G S K"],
    v: Float[Tensor, "B G S K"],
    mask: Bool[Tensor, "... #T #S"] | None = None,
    *,
    scale: float | None = None,
    bias: Float[Tensor, "... #T #S"] | None = None,
    causal: bool = False,
    dropout: float = 0.0,
) -> tuple[Float[Tensor, "B H T K"], None]:
    """Attention by torch's fused kernel, which never holds all weights at once.

    Arguments as in ``hfdl.nn.functional.AttentionKernel``. On a CPU other ways stand in for it
    where they are faster: with dropout, which that kernel has not (torch leaves it for a path that
    draws a Bernoulli number for each weight), in training in half precision, where the kernel's
    backward pass is several times slower, and in float32 where oneDNN multiplies faster. That is
    ``differentiated_attention``, or without a gradient ``attention_in_blocks``; with a bias it is
    the formula or the kernel.

    Returns:
        the output, and None in the place of the weights.

    Raises:
        ShapeError: the shapes do not fit each other.
    """
    check_shapes(q, k, v)
    groups = q.shape[1] // k.shape[1]
    k, v = repeat_heads(k, groups), repeat_heads(v, groups)  # (B, H, S, K)
    differentiated = torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))
    if q.device.type == "cpu" and (dropout > 0.0 or (differentiated and _half(q))):
        if bias is None:
            way = partial(differentiated_attention, dropout=dropout)
            return _by_scores(way, q, k, v, mask, scale, causal), None
        out, _ = attention(q, k, v, mask, scale=scale, bias=bias, causal=causal, dropout=dropout)
        return out, None
    if bias is None and blocks_pay(q, k, SMALLEST_IN_TRAINING if differentiated else SMALLEST):
        way = differentiated_attention if differentiated else attention_in_blocks
        return _by_scores(way, q, k, v, mask, scale, causal), None
    # torch's own causal flag lines queries up with the first keys, ours with the last.
    square = mask is None and bias is None and q.shape[-2] == k.shape[-2]
    keep = None if square else allowed(q, k, mask, causal)
    out = F.scaled_dot_product_attention(
        q, k, v, _with_bias(bias, keep, q.dtype), dropout, is_causal=causal and square, scale=scale
    )
    return _blank_to_zero(out, keep), None  # (B, H, T, K)


def _by_scores(
    way: Callable[..., Float[Tensor, "B H T K"]],
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    mask: Bool[Tensor, "... #T #S"] | None,
    scale: float | None,
    causal: bool,
) -> Float[Tensor, "B H T K"]:
    """A way that takes what is added to the scores; a query that may attend to nothing gets zeros.

    Args:
        way: ``differentiated_attention`` or ``attention_in_blocks``.
        q, k, v, mask, scale, causal: as in ``fused_attention``.
    """
    keep = additive = None
    if mask is not None:
        keep = allowed(q, k, mask, causal)
        assert keep is not None
        additive = additive_mask(keep, q.dtype)
    elif causal and q.shape[-2] > 1:
        additive = additive_causal_mask(q.shape[-2], k.shape[-2], q.dtype)
    return _blank_to_zero(way(q, k, v, additive, scale=scale_of(q, scale)), keep)


def _half(q: Float[Tensor, "B H T K"]) -> bool:
    return q.dtype in (torch.bfloat16, torch.float16)


def _with_bias(
    bias: Float[Tensor, "... #T #S"] | None,
    keep: Bool[Tensor, "... #T #S"] | None,
    dtype: torch.dtype,
) -> Shaped[Tensor, "... #T #S"] | None:
    """What the fused kernel takes: a boolean mask, or one that is added."""
    if bias is None or keep is None:
        return keep if bias is None else bias.to(dtype)
    return bias.to(dtype).masked_fill(~keep, torch.finfo(dtype).min)


def _blank_to_zero(
    out: Float[Tensor, "B H T K"], keep: Bool[Tensor, "... #T #S"] | None
) -> Float[Tensor, "B H T K"]:
    """Zeros for queries that may attend to nothing, of which torch's kernels make what they like.

    On a CPU it costs nothing to see that there is none; a GPU would have to wait for the answer.
    """
    if keep is None:
        return out
    blank = ~keep.any(-1, keepdim=True)
    if blank.device.type == "cpu" and not bool(blank.any()):
        return out
    return out.masked_fill(blank, 0.0)
