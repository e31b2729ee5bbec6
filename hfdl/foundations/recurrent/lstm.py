"""Long short-term memory (Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735),
with the forget gate of Gers et al. 2000 (https://doi.org/10.1162/089976600300015015).

    i = sigmoid(x W_xi + h W_hi + b_i)      input gate: how much of the candidate is written
    f = sigmoid(x W_xf + h W_hf + b_f)      forget gate: how much of the memory is kept
    g = tanh   (x W_xg + h W_hg + b_g)      candidate
    o = sigmoid(x W_xo + h W_ho + b_o)      output gate: how much of the memory is shown
    c' = f c + i g                          memory
    h' = o tanh(c')                         output

The way from c' back to c is a product with f and nothing else: no matrix, no tanh. Where the
forget gate is open the gradient passes whole, however many steps there are.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hfdl.foundations.activations import sigmoid
from hfdl.foundations.initialization import Rng
from hfdl.foundations.layer import Floats
from hfdl.foundations.recurrent.recurrence import CellBackprop, Recurrent, State


class LSTM(Recurrent):
    """(B, T, D) -> (B, T, H) by the equations above; the state is (h, c).

    The blocks of columns of ``W_x`` (D, 4 H), ``W_h`` (H, 4 H) and ``b`` (4 H,) are i, f, g, o, in
    torch's order: equal to ``torch.nn.LSTM`` with its weights transposed and its two biases added.

    Args:
        inputs: D.
        width: H.
        forget_bias: what b_f starts at. With 1 the memory is at first mostly kept, and long
            dependencies can be learned at all (Jozefowicz et al. 2015, section 2.2,
            https://proceedings.mlr.press/v37/jozefowicz15.html); torch starts near 0.
        rng: of the weights.
    """

    blocks: ClassVar[int] = 4
    states: ClassVar[int] = 2

    def __init__(
        self, inputs: int, width: int, *, forget_bias: float = 1.0, rng: Rng = None
    ) -> None:
        super().__init__(inputs, width, rng=rng)
        self.b.value[width : 2 * width] = forget_bias

    def cell(self, p: Floats, state: State) -> tuple[State, CellBackprop]:
        """The equations above, where p = x W_x + b. p (B, 4 H), h and c (B, H) -> h', c'."""
        h, c = state
        a_i, a_f, a_g, a_o = np.split(p + h @ self.W_h.value, 4, axis=-1)  # (B, H) each
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
        c_new = f * c + i * g
        shown = np.tanh(c_new)
        h_new = o * shown

        def backprop(d_new: State) -> tuple[Floats, Floats, State]:
            dh_new, dc_new = d_new
            dc = dc_new + dh_new * o * (1 - shown**2)  # by the two ways from c': later, and h'
            # sigmoid' = sigmoid (1 - sigmoid), tanh' = 1 - tanh^2
            d_gates = (
                dc * g * i * (1 - i),
                dc * c * f * (1 - f),
                dc * i * (1 - g**2),
                dh_new * shown * o * (1 - o),
            )
            dp = np.concatenate(d_gates, axis=-1)  # (B, 4 H)
            return dp, dp, (dp @ self.W_h.value.T, dc * f)

        return (h_new, c_new), backprop
