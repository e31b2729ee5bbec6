"""Losses of labelled items, one for each, so that a caller sums them and divides once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100
"""The label of an item that does not count."""


def token_losses(
    logits: Tensor,
    labels: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> Tensor:
    """Cross-entropy of each item, weighted, smoothed or focal.

    Args:
        logits: (N, C).
        labels: (N,) class numbers; -100 gives 0.
        weight: (C,) of each class; None: 1.
        label_smoothing: share of each target that is spread over all classes, as torch's (Szegedy
            et al. 2016, section 7).
        focal_gamma: each loss is multiplied by (1 - p)^gamma of its label's probability (Lin et
            al. 2017, equation 4); 0 is cross-entropy.

    Returns:
        (N,), in float32 at least.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = F.cross_entropy(
        logits, labels, weight=weight, ignore_index=IGNORED, label_smoothing=label_smoothing,
        reduction="none",
    )  # fmt: skip
    if focal_gamma == 0:
        return losses
    known = labels.clamp(min=0)[:, None]  # (N, 1)
    p = logits.log_softmax(-1).gather(1, known)[:, 0].exp()  # (N,)
    return losses * (1 - p) ** focal_gamma
