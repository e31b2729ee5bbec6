"""Convert transformers' attention masks to boolean ones, True = may attend, and check them.

Shapes: B batch, H query heads, T queries, S keys, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hfdl.errors import ModelError, ShapeError


def split_mask(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Split transformers' mask into (may attend, a bias to add to the scores).

    An additive mask has 0 where a query may attend, and the lowest number of its type (or minus
    infinity) where it may not. Any other number in one that a user made is a bias.

    Args:
        mask: additive or boolean, 4-D, or None.

    Returns:
        bool as ``mask`` or None; additive as ``mask``, or None where it is 0 throughout.
    """
    if mask is None or mask.dtype == torch.bool:
        return mask, None
    if not mask.is_floating_point():
        raise ShapeError(
            f"the model's 4-D attention mask is of {mask.dtype}",
            rule="it is boolean (True = may attend) or a number to add to scores",
        )
    attend = mask > torch.finfo(mask.dtype).min / 2
    soft = mask.masked_fill(~attend, 0.0)
    return attend, soft if soft.any() else None


def refuse_unmasked_causal(
    module: nn.Module, query: Tensor, is_causal: bool | None, where: str
) -> None:
    """Require a mask for a causal attention of several queries.

    Args:
        module: the attention module that calls.
        query: (B, H, T, K).
        is_causal: the model's value for this call; None: the module's own.
        where: for the error.

    Raises:
        ModelError: there is none.
    """
    causal = getattr(module, "is_causal", False) if is_causal is None else is_causal
    if causal and query.shape[-2] > 1:
        raise ModelError(
            "the model passed no mask to a causal attention",
            where=where,
            rule="without one each token would see those after it",
            remedy="this architecture leaves causality to the kernel: use 'eager' or 'sdpa'",
        )


def check_mask(mask: Tensor, query: Tensor, key: Tensor, where: str) -> None:
    """Require that a mask broadcasts to (B, H, T, S).

    Raises:
        ShapeError: it does not.
    """
    full = (*query.shape[:3], key.shape[2])
    if mask.dim() != 4 or any(m not in (1, n) for m, n in zip(mask.shape, full, strict=True)):
        raise ShapeError(
            f"the model's mask is {tuple(mask.shape)}",
            where=where,
            rule=f"it must broadcast to (B, H, T, S) = {full}",
        )
