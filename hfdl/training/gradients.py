"""Gradients of a sum become gradients of a mean, and are clipped, in one pass over them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


def average_and_clip(
    gradients: Sequence[torch.Tensor], mean: float, clip_norm: float | None
) -> float:
    """Multiply gradients by ``mean``, and further so that their norm is at most ``clip_norm``.

    The same numbers as dividing the loss before the backward pass and calling
    ``torch.nn.utils.clip_grad_norm_`` after it, for one pass over the gradients less.

    Args:
        gradients: of the summed loss; changed in place.
        mean: one over the count of items (times the processes that were averaged over); 1 where
            they are gradients of a mean already.
        clip_norm: largest norm; None: no clipping.

    Returns:
        the norm of the mean gradient before clipping. If it is not finite nothing was changed.
    """
    gradients = list(gradients)
    # Not torch.nn.utils.get_total_norm: on a CPU it calls each norm from Python.
    norms = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
    norm = float(torch.linalg.vector_norm(torch.stack(norms))) * mean if norms else 0.0
    if not math.isfinite(norm):
        return norm
    factor = mean if clip_norm is None else mean * min(1.0, clip_norm / (norm + 1e-6))
    if factor != 1.0:
        torch._foreach_mul_(gradients, factor)  # pyright: ignore[reportPrivateImportUsage]
    return norm
