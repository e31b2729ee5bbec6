"""Masks in the forms that torch's modules and Hugging Face's models take, and back.

Shapes: B batch, T queries, S keys; *BH is nothing, or B 1, or B and the heads; *N their product.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.nn.masks.make import check_bool

# -10000, which older models add for "may not", as bfloat16 holds it.
_BARRED = -9984.0


def to_additive(
    mask: Bool[Tensor, "*shape"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*shape"]:
    """What an eager Hugging Face model adds to its scores: 0 where a query may attend.

    Elsewhere stands the least finite number of the type and not -inf: softmax makes NaN of a row of
    -inf alone, and with it of every token in the next layer.

    Args:
        mask: True = may attend.
        dtype: of the result.

    Raises:
        ShapeError: the mask is not bool.
    """
    check_bool(mask)
    zeros = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    return zeros.masked_fill(~mask, torch.finfo(dtype).min)


def from_additive(additive: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
    """The boolean mask of one that is added to scores; the other way of ``to_additive``.

    Args:
        additive: 0 where a query may attend; -10000, the least finite number or -inf elsewhere.

    Raises:
        ShapeError: it has other numbers: it is a bias, which no boolean mask can stand for.
    """
    mask = additive == 0
    strange = additive[~(mask | (additive <= _BARRED))]
    if strange.numel():
        raise ShapeError(
            f"the additive mask holds {strange[0].item():g}",
            rule="it holds 0 where a query may attend and -10000 or less elsewhere",
            remedy="give a bias on scores as the bias of an attention kernel",
        )
    return mask


def to_multihead_attention(
    mask: Bool[Tensor, "*BH T S"], num_heads: int = 1
) -> Bool[Tensor, "*N T S"]:
    """The ``attn_mask`` of ``nn.MultiheadAttention``, where True = may NOT attend.

    Padding alone, (B, 1, 1, S), goes through ``to_key_padding_mask``.

    Args:
        mask: (T, S), or (B, 1 or H, T, S).
        num_heads: H of the module; needed for a mask of four dimensions.

    Returns:
        (T, S), or (B * H, T, S).

    Raises:
        ShapeError: the mask is not bool, or has another shape.
    """
    check_bool(mask)
    if mask.dim() == 2:
        return ~mask
    if mask.dim() != 4 or mask.shape[1] not in (1, num_heads):
        raise ShapeError(
            f"a mask of shape {tuple(mask.shape)} for {num_heads} heads",
            rule=f"nn.MultiheadAttention takes (T, S), or (B, 1, T, S) or (B, {num_heads}, T, S)",
        )
    return ~mask.expand(-1, num_heads, -1, -1).flatten(0, 1)  # (B, H, T, S) -> (B * H, T, S)


def to_key_padding_mask(mask: Bool[Tensor, "B 1 1 S"]) -> Bool[Tensor, "B S"]:
    """The ``key_padding_mask`` of ``nn.MultiheadAttention``: True at padding.

    Raises:
        ShapeError: the mask is not bool, or not one of padding alone.
    """
    return ~_of_keys(mask)


def to_attention_mask(mask: Bool[Tensor, "B 1 1 S"]) -> Int[Tensor, "B S"]:
    """The ``attention_mask`` of Hugging Face models; the other way of ``padding_mask``.

    1 stands at real tokens and 0 at padding.

    Raises:
        ShapeError: the mask is not bool, or not one of padding alone.
    """
    return _of_keys(mask).long()


def _of_keys(mask: Bool[Tensor, "B 1 1 S"]) -> Bool[Tensor, "B S"]:
    check_bool(mask)
    if mask.dim() != 4 or mask.shape[1:3] != (1, 1):
        raise ShapeError(
            f"a mask of shape {tuple(mask.shape)}",
            rule="a mask of padding alone is (B, 1, 1, S)",
            remedy="use to_multihead_attention or to_additive for a mask that depends on the query",
        )
    return mask[:, 0, 0]
