"""Which words of a batch (B, T) are real, told by a mask or by lengths."""

from __future__ import annotations

import torch
from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.nn.masks import padding_mask


def real_steps(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mask as bool (B, T), True at real words.

    Raises:
        ShapeError: x is not (B, T, D), or the mask not (B, T).
    """
    if x.dim() != 3:
        raise ShapeError(f"a text of shape {tuple(x.shape)}", rule="words are given as (B, T, D)")
    if mask is None:
        return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    real = padding_mask(mask)[:, 0, 0]  # (B, T) -> (B, 1, 1, T) -> (B, T)
    if real.shape != x.shape[:2]:
        raise ShapeError(
            f"a mask of shape {tuple(mask.shape)} for words of shape {tuple(x.shape)}",
            rule="the mask has one number for each word, (B, T)",
        )
    return real


def length_mask(lengths: Tensor, width: int) -> Tensor:
    """The mask of texts that begin at the left edge: (B,) -> bool (B, width).

    Raises:
        ShapeError: the lengths are not (B,), or one is no length of a text of that width.
    """
    if lengths.dim() != 1:
        raise ShapeError(
            f"lengths of shape {tuple(lengths.shape)}", rule="each text has one length, (B,)"
        )
    strange = lengths[(lengths < 0) | (lengths > width)]
    if strange.numel():
        raise ShapeError(
            f"a length of {strange[0].item()} in a batch of width {width}",
            rule=f"a text has 0 to {width} words here",
        )
    return torch.arange(width, device=lengths.device) < lengths[:, None]
