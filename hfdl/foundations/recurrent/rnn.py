"""The simple recurrent network (Elman 1990, "Finding structure in time").

    h_t = tanh(x_t W_x + h_{t-1} W_h + b)

The same weights serve every step, so a network of fixed size reads sequences of any length.
What it remembers fades: the gradient of h_t by h_{t-1} is W_h^T scaled by tanh' <= 1, and T of
these in a row vanish or explode (Bengio et al. 1994, https://doi.org/10.1109/72.279181).
``hfdl.foundations.recurrent.gradient_through_time`` measures it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hfdl.foundations.layer import Floats
from hfdl.foundations.recurrent.recurrence import CellBackprop, Recurrent, State


class RNN(Recurrent):
    """(B, T, D) -> (B, T, H) by the equation above; the state is (h,).

    ``W_x`` is (D, H), ``W_h`` (H, H), ``b`` (H,). Equal to ``torch.nn.RNN`` with its weights
    transposed and its two biases, which only ever occur as a sum, added.

    Args:
        inputs: D.
        width: H.
        rng: of the weights.
    """

    blocks: ClassVar[int] = 1

    def cell(self, p: Floats, state: State) -> tuple[State, CellBackprop]:
        """tanh(p + h W_h), where p = x W_x + b. p (B, H), h (B, H) -> h' (B, H)."""
        (h,) = state
        h_new = np.tanh(p + h @ self.W_h.value)

        def backprop(d_new: State) -> tuple[Floats, Floats, State]:
            (dh_new,) = d_new
            dp = dh_new * (1 - h_new**2)  # tanh' = 1 - tanh^2
            return dp, dp, (dp @ self.W_h.value.T,)

        return (h_new,), backprop
