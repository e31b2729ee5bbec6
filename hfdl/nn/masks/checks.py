"""The check that all masks share."""

from __future__ import annotations

import torch
from torch import Tensor

from hfdl.errors import ShapeError


def check_bool(mask: Tensor) -> None:
    """Refuse a mask of numbers, whose meaning would have to be guessed.

    Raises:
        ShapeError: the mask is not bool.
    """
    if mask.dtype != torch.bool:
        raise ShapeError(
            f"a mask of type {str(mask.dtype).removeprefix('torch.')}",
            rule="masks are bool, True = may attend",
            remedy="use padding_mask for 0 and 1, from_additive for numbers added to scores",
        )
