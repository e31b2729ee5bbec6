"""How large a difference may be.

The rule: the largest absolute difference, divided by max(1, the largest absolute number of the
reference), is at most the bound. Activations below 1 are so compared absolutely, and those of a
deep residual stream, which may be in the hundreds, relatively. A gradient is always compared with
the largest of its own parameter, or with a hundredth of the largest of all where that is more: in
exact arithmetic some parameters have no gradient at all (the bias of keys moves every score of a
row alike), and noise divided by noise says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
        kind = "gradients_" if component == "gradients" else ""
        return getattr(self, kind + str(dtype).removeprefix("torch."))


def gradient_scales(gradients: Mapping[str, Tensor]) -> dict[str, float]:
    """What each parameter's gradient error is divided by, see above."""
    largest = {name: float(gradient.abs().max()) for name, gradient in gradients.items()}
    floor = 1e-2 * max(largest.values())
    return {name: max(own, floor) for name, own in largest.items()}
