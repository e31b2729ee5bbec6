"""Padding rows of unequal length to the longest of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def pad_rows(
    rows: Sequence[Sequence[int]], pad: int, *, side: str = "right", multiple_of: int = 1
) -> torch.Tensor:
    """Stack rows of ids.

    Args:
        rows: R rows of lengths up to T.
        pad: id that fills the rest.
        side: the side of the padding, ``right`` or ``left``.
        multiple_of: T is rounded up to a multiple of this.

    Returns:
        int64 tensor of shape (R, T).
    """
    longest = max(map(len, rows), default=0)
    width = -(-longest // multiple_of) * multiple_of
    padded = np.full((len(rows), width), pad, dtype=np.int64)  # (R, T)
    for r, row in enumerate(rows):
        if side == "right":
            padded[r, : len(row)] = row
        else:
            padded[r, width - len(row) :] = row
    return torch.from_numpy(padded)


def padding_mask(lengths: Sequence[int], width: int, *, side: str = "right") -> torch.Tensor:
    """1 on real tokens and 0 on padding: int64, shape (R, T), as Hugging Face's attention_mask."""
    position = np.arange(width)[None, :]  # (1, T)
    real = np.asarray(lengths, dtype=np.int64)[:, None]  # (R, 1)
    mask = position < real if side == "right" else position >= width - real
    return torch.from_numpy(mask.astype(np.int64))  # (R, T)
