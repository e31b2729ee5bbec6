"""How a difference is measured, and how large it may be.

The rule: the largest absolute difference, divided by max(1, the largest absolute number of the
reference), is at most the bound. So activations below 1 are compared absolutely, and those of a
deep residual stream, which may be in the hundreds, relatively. A gradient is always compared with
the largest of its own parameter, or with a hundredth of the largest of all where that is more: in
exact arithmetic some parameters have no gradient at all (the bias of keys moves every score of a
row alike), and noise divided by noise says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Bounds:
    """The greatest errors that pass.

    Args:
        float32, float64: of activations, logits and loss.
        gradients_float32, gradients_float64: of gradients. The noise of their sums is larger: in
            float32 transformers' two attentions already differ by 1e-5 from each other.
    """

    float32: float = 1e-5
    float64: float = 1e-12
    gradients_float32: float = 1e-4
    gradients_float64: float = 1e-9

    def of(self, component: str, dtype: torch.dtype) -> float:
        """The bound of a component in a type."""
        prefix = "gradients_" if component == "gradients" else ""
        return getattr(self, prefix + str(dtype).removeprefix("torch."))


class Difference(NamedTuple):
    """How far two tensors lie apart; infinitely, by default.

    Attributes:
        max_abs: the largest absolute difference.
        max_rel: that, divided by the largest absolute number of the reference.
        error: that, divided as the rule above says.
    """

    max_abs: float = math.inf
    max_rel: float = math.inf
    error: float = math.inf


def difference(ours: Tensor, theirs: Tensor, scale: float | None = None) -> Difference:
    """How far two tensors lie apart: infinitely where shapes differ or a number is NaN.

    Args:
        ours: what is judged.
        theirs: the reference.
        scale: what the error is divided by; None: max(1, the largest of the reference).
    """
    if ours.shape != theirs.shape:
        return Difference()
    largest = float(theirs.abs().max()) if theirs.numel() else 0.0
    gap = float((ours.double() - theirs.double()).abs().max()) if theirs.numel() else 0.0
    if math.isnan(gap):
        return Difference()
    max_rel = gap / largest if largest else (math.inf if gap else 0.0)
    return Difference(gap, max_rel, gap / (max(1.0, largest) if scale is None else scale or 1.0))


def gradient_scales(gradients: Mapping[str, Tensor]) -> dict[str, float]:
    """The divisor of each parameter's gradient error, see above."""
    largest = {name: float(gradient.abs().max()) for name, gradient in gradients.items()}
    floor = 1e-2 * max(largest.values())
    return {name: max(own, floor) for name, own in largest.items()}
