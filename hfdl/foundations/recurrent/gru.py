"""The gated recurrent unit (Cho et al. 2014, section 2.3, https://arxiv.org/abs/1406.1078).

    r = sigmoid(x W_xr + h W_hr + b_r)              reset gate: how much of the past the
    z = sigmoid(x W_xz + h W_hz + b_z)              candidate sees; update gate: how much stays
    n = tanh(x W_xn + b_n + r (h W_hn + b_h))       candidate
    h' = (1 - z) n + z h

Two conventions are in use, and this is torch's and cuDNN's in both:

* where r is applied. In the paper the candidate is tanh(x W_xn + (r h) W_hn): before the product.
  Here it is applied after, so that the products of h with all three blocks are one, made before r
  is known; pretrained weights and fused kernels are of this kind. b_h is the bias
  inside the reset.
* what z means. In the paper and here z = 1 keeps the past; Chung et al. 2014
  (https://arxiv.org/abs/1412.3555) and many texts swap z and 1 - z. A network learns either.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from hfdl.foundations.activations import sigmoid
from hfdl.foundations.initialization import Rng
from hfdl.foundations.layer import Floats, Parameter
from hfdl.foundations.recurrent.recurrence import CellBackprop, Recurrent, State


class GRU(Recurrent):
    """(B, T, D) -> (B, T, H) by the equations above; the state is (h,).

    The blocks of columns of ``W_x`` (D, 3 H), ``W_h`` (H, 3 H) and ``b`` (3 H,) are r, z, n, in
    torch's order; ``b_h`` is (H,). Equal to ``torch.nn.GRU`` with its weights transposed, the
    biases of r and z added, and the candidate's ``bias_hh`` as ``b_h``.

    Args:
        inputs: D.
        width: H.
        rng: of the weights.
    """

    blocks: ClassVar[int] = 3

    def __init__(self, inputs: int, width: int, *, rng: Rng = None) -> None:
        super().__init__(inputs, width, rng=rng)
        self.b_h = Parameter(np.zeros(width))

    def cell(self, p: Floats, state: State) -> tuple[State, CellBackprop]:
        """The equations above, where p = x W_x + b. p (B, 3 H), h (B, H) -> h'."""
        (h,) = state
        p_r, p_z, p_n = np.split(p, 3, axis=-1)  # (B, H) each
        a_r, a_z, a_n = np.split(h @ self.W_h.value, 3, axis=-1)
        a_n = a_n + self.b_h.value
        r, z = sigmoid(p_r + a_r), sigmoid(p_z + a_z)
        n = np.tanh(p_n + r * a_n)
        h_new = (1 - z) * n + z * h

        def backprop(d_new: State) -> tuple[Floats, Floats, State]:
            (dh_new,) = d_new
            d_n = dh_new * (1 - z) * (1 - n**2)  # at what tanh was taken of
            d_r = d_n * a_n * r * (1 - r)
            d_z = dh_new * (h - n) * z * (1 - z)
            dp = np.concatenate((d_r, d_z, d_n), axis=-1)  # (B, 3 H)
            da = np.concatenate((d_r, d_z, d_n * r), axis=-1)
            return dp, da, (dh_new * z + da @ self.W_h.value.T,)

        return (h_new,), backprop

    def add_gradients(self, X: Floats, H: Floats, dP: Floats, dA: Floats) -> None:
        """As in every recurrent layer, and that of b_h."""
        super().add_gradients(X, H, dP, dA)
        width = self.b_h.value.size
        self.b_h.grad += dA[..., 2 * width :].reshape(-1, width).sum(0)
