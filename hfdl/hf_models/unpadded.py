"""Which batches of decoders and encoder-decoders are computed without their padding.

As encoders are (``hfdl.hf_models.encoder``): the real tokens of all rows one after another, where
nothing that is read of the result depends on the padding. Unlike an encoder's, a decoder's answers
at padding are numbers of a kind, so it is done only where it is known that nobody reads them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hfdl.nn.losses import IGNORED
from hfdl.nn.packing import Packing


def row_packing(mask: Tensor | None, read: Tensor | None) -> Packing | None:
    """The packing of rows with padding at an edge, left or right.

    Args:
        mask: (B, T), 1 at real tokens; None: all are.
        read: (B, T), True at the places of which an answer is read; None: that is not known.

    Returns:
        None where nothing is padded, padding stands between real tokens, a row has no token, an
        answer at padding is read, or it is not a CPU that computes.
    """
    if mask is None or read is None or not _computes_packed(mask):
        return None
    real = mask.bool()
    if bool(real.all()) or bool((read.to(real.device) & ~real).any()):
        return None
    starts = real[:, 0].long() + (real[:, 1:] & ~real[:, :-1]).sum(1)  # (B,)
    return Packing.of(real) if bool((starts == 1).all()) else None


def pair_packings(
    source: Tensor, source_mask: Tensor | None, target: Tensor | None
) -> tuple[Packing, Packing] | None:
    """The packings of sources and targets that are padded on the right.

    Args:
        source: (B, S), ids.
        source_mask: (B, S), 1 at real tokens; None: all are.
        target: (B, T), True at real tokens; None: that is not known.

    Returns:
        None where nothing is padded, padding stands elsewhere, a text has no token, or it is not a
        CPU that computes.
    """
    if target is None or not _computes_packed(source):
        return None
    given = torch.ones_like(source) if source_mask is None else source_mask
    masks = given.bool(), target.bool()
    if all(bool(mask.all()) for mask in masks):
        return None
    if not all(bool(mask[:, 0].all()) and _ends_padded(mask) for mask in masks):
        return None
    return Packing.of(masks[0]), Packing.of(masks[1])


def target_mask(mask: Tensor | None, labels: Tensor | None) -> Tensor | None:
    """Which tokens of a target are real, (B, T): those of its mask, or else up to the last label.

    Args:
        mask: (B, T), 1 at real tokens.
        labels: (B, T), -100 where no loss is taken.

    Returns:
        None where neither is given, or a label stands at padding.
    """
    if labels is None:
        return mask
    counts = labels != IGNORED  # (B, T)
    if mask is None:
        return counts.flip(1).cumsum(1).flip(1) > 0  # a label here or behind
    if mask.shape != counts.shape or bool((counts & ~mask.bool()).any()):
        return None
    return mask


def _ends_padded(mask: Tensor) -> bool:
    return not bool((mask[:, 1:] & ~mask[:, :-1]).any())


def _computes_packed(x: Tensor) -> bool:
    return x.dim() == 2 and x.device.type == "cpu" and not torch.compiler.is_compiling()
