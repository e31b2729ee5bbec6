"""Recurrent layers: a state that each word changes and hands to the next.

With p = W_ih x + b_ih of the input and q = W_hh h + b_hh of the state, a gate's part each:

    RNN   h' = tanh(p + q)                                                    (Elman 1990)
    LSTM  i, f, o = sigma(p + q), g = tanh(p + q);  c' = f c + i g,  h' = o tanh(c')
          (Hochreiter and Schmidhuber 1997; the forget gate: Gers et al. 2000)
    GRU   r, z = sigma(p + q), n = tanh(p + r q);  h' = (1 - z) n + z h
          (Cho et al. 2014, https://arxiv.org/abs/1406.1078; r after the product, as in cuDNN)

Two kernels with one signature: ``unrolled`` is the equations, step by step, and ``fused``
(``hfdl.nn.fused_recurrence``) is torch's own. They agree to rounding, and either may be given to
``hfdl.nn.recurrent.Recurrent``.

Shapes: B batch, T steps, D input width, H state width, GH = G H of G gates, R directions (1 or
2), Y = R H output width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

State = tuple[Float[Tensor, "R B H"], ...]
"""(h,), or (h, c) of an LSTM, of each direction."""

CellState = tuple[Float[Tensor, "B H"], ...]
"""The same of one direction, between two steps."""


class Weights(NamedTuple):
    """Of one direction of one layer, in torch's layout: the gates stand one below the other."""

    ih: Float[Tensor, "GH D"]
    hh: Float[Tensor, "GH H"]
    bias_ih: Float[Tensor, "GH"]
    bias_hh: Float[Tensor, "GH"]


@runtime_checkable
class RecurrentKernel(Protocol):
    """What ``unrolled`` and ``fused`` have in common: one layer, in one direction or both.

    Args of a call:
        kind: a key of ``KINDS``.
        x: the inputs.
        weights: of the direction from left to right and, where there is one, of that from right
            to left.
        mask: True at real steps, which may stand anywhere; None: all are real.
        state: before the first step; None: zeros.

    A call returns the outputs, zeros at padding, and the state after the last step. A padded step
    changes nothing: a row without a real step keeps its state.
    """

    def __call__(
        self,
        kind: str,
        x: Float[Tensor, "B T D"],
        weights: Sequence[Weights],
        mask: Bool[Tensor, "B T"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "B T Y"], State]: ...


def rnn_cell(p: Float[Tensor, "B GH"], q: Float[Tensor, "B GH"], state: CellState) -> CellState:
    """One step of an RNN."""
    return ((p + q).tanh(),)


def lstm_cell(p: Float[Tensor, "B GH"], q: Float[Tensor, "B GH"], state: CellState) -> CellState:
    """One step of an LSTM."""
    i, f, g, o = (p + q).chunk(4, dim=-1)  # (B, H) each
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_cell(p: Float[Tensor, "B GH"], q: Float[Tensor, "B GH"], state: CellState) -> CellState:
    """One step of a GRU."""
    (p_r, p_z, p_n), (q_r, q_z, q_n) = p.chunk(3, dim=-1), q.chunk(3, dim=-1)  # (B, H) each
    z = (p_z + q_z).sigmoid()
    n = (p_n + (p_r + q_r).sigmoid() * q_n).tanh()
    return ((1 - z) * n + z * state[0],)


Cell = Callable[[Float[Tensor, "B GH"], Float[Tensor, "B GH"], CellState], CellState]


class Kind(NamedTuple):
    """An equation, how many gates it has, and how many parts its state."""

    cell: Cell
    gates: int
    parts: int


KINDS = {"rnn": Kind(rnn_cell, 1, 1), "lstm": Kind(lstm_cell, 4, 2), "gru": Kind(gru_cell, 3, 1)}


def unrolled(
    kind: str,
    x: Float[Tensor, "B T D"],
    weights: Sequence[Weights],
    mask: Bool[Tensor, "B T"] | None = None,
    state: State | None = None,
) -> tuple[Float[Tensor, "B T Y"], State]:
    """The equations, step by step; arguments and results as in ``RecurrentKernel``."""
    state = zeros(kind, x, weights) if state is None else state
    if mask is not None:
        x = x.masked_fill(~mask[..., None], 0.0)  # else a NaN there would reach the gradients
    outputs: list[Tensor] = []
    lasts: list[CellState] = []
    for direction, own in enumerate(weights):
        start = tuple(part[direction] for part in state)  # (B, H) each
        steps = range(x.shape[1])[:: -1 if direction else 1]
        output, last = _walk(
            KINDS[kind].cell, F.linear(x, own.ih, own.bias_ih), own, mask, start, steps
        )
        outputs.append(output)
        lasts.append(last)
    return torch.cat(outputs, dim=-1), tuple(torch.stack(part) for part in zip(*lasts, strict=True))


def _walk(
    cell: Cell,
    from_input: Float[Tensor, "B T GH"],
    own: Weights,
    mask: Bool[Tensor, "B T"] | None,
    state: CellState,
    steps: range,
) -> tuple[Float[Tensor, "B T H"], CellState]:
    """The outputs of one direction and its last state."""
    outputs = [state[0]] * len(steps)
    for t in steps:
        new = cell(from_input[:, t], F.linear(state[0], own.hh, own.bias_hh), state)
        outputs[t] = new[0]
        if mask is None:
            state = new
        else:
            real = mask[:, t, None]  # (B, 1)
            state = tuple(torch.where(real, a, b) for a, b in zip(new, state, strict=True))
            outputs[t] = new[0].masked_fill(~real, 0.0)
    if not outputs:
        return from_input.new_zeros(len(from_input), 0, own.hh.shape[1]), state
    return torch.stack(outputs, dim=1), state


def zeros(kind: str, x: Float[Tensor, "B T D"], weights: Sequence[Weights]) -> State:
    """The state before a text."""
    width = weights[0].hh.shape[1]
    return tuple(x.new_zeros(len(weights), len(x), width) for _ in range(KINDS[kind].parts))
