"""``hfdl.nn.recurrence`` by torch's own kernels, which know no padding.

Padding is kept out of the state in one of two ways. A *packed* batch holds the real steps alone,
all first ones before all second ones, as in torch's ``PackedSequence``. A *gated* batch stays as it
is, and an input that is 1 at padding alone forces the gates there to keep what is remembered. It is
for an LSTM or a GRU in training on a CPU, where the gradients of packed steps are slow.

Shapes: B batch, T steps, N real steps of all rows, D input width, Y = R H output width, R
directions (1 or 2), H state width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor
from torch.nn import functional as F

from hfdl.nn.pooling import last_state
from hfdl.nn.recurrence import KINDS, State, Weights, unrolled, zeros

_TORCH: dict[str, Any] = {"rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}
# What a padded step adds to each gate: sigma(1e4) is 1 and sigma(-1e4) is 0, to the last bit. An
# LSTM takes nothing in (i) and forgets nothing (f), a GRU keeps all (z). An RNN has no gate.
_KEEP = {"lstm": (-1e4, 1e4, 0.0, 0.0), "gru": (0.0, 1e4, 0.0)}
_SPARSE = 0.5
"""With a smaller share of real steps than this, even a CPU is faster without the others."""


def fused(
    kind: str,
    x: Float[Tensor, "B T D"],
    weights: Sequence[Weights],
    mask: Bool[Tensor, "B T"] | None = None,
    state: State | None = None,
) -> tuple[Float[Tensor, "B T Y"], State]:
    """torch's kernel; arguments and results as in ``hfdl.nn.recurrence.RecurrentKernel``."""
    if x.shape[1] == 0 or (mask is not None and not bool(mask.any())):
        return unrolled(kind, x, weights, mask, state)  # torch's takes no batch without a step
    if mask is None:
        start = zeros(kind, x, weights) if state is None else state
        return _torch(kind, (x,), start, weights, batch_first=True)
    if state is None and kind in _KEEP and _suits_gates(mask):
        return _gated(kind, x, weights, mask)
    return _packed(kind, x, weights, mask, zeros(kind, x, weights) if state is None else state)


def _gated(
    kind: str, x: Float[Tensor, "B T D"], weights: Sequence[Weights], mask: Bool[Tensor, "B T"]
) -> tuple[Float[Tensor, "B T Y"], State]:
    """The padded batch, whose first state is zero and whose real steps stand together.

    Padding before them leaves zeros as they are: h = o tanh(0). Padding behind them keeps c, and
    changes h, which is therefore read at the last real step.
    """
    padding = (~mask)[..., None]  # (B, T, 1)
    x = torch.cat([x.masked_fill(padding, 0.0), padding.to(x.dtype)], dim=-1)  # (B, T, D + 1)
    keep = x.new_tensor(_KEEP[kind])[:, None]  # (G, 1)
    gated: list[Weights] = []
    for own in weights:
        column = keep.expand(-1, own.hh.shape[1]).reshape(-1, 1)  # (G, H) -> (G H, 1)
        gated.append(own._replace(ih=torch.cat([own.ih, column.to(own.ih.dtype)], dim=1)))
    output, last = _torch(kind, (x,), zeros(kind, x, weights), gated, batch_first=True)
    output = output.masked_fill(padding, 0.0)
    last_h = last_state(output, mask, bidirectional=len(weights) > 1)  # (B, R H)
    h = last_h.view(len(x), len(weights), -1).transpose(0, 1)  # (B, R H) -> (R, B, H)
    return output, (h, *last[1:])


def _suits_gates(mask: Bool[Tensor, "B T"]) -> bool:
    """Whether a mask on a CPU has no gap between real steps, and enough of them."""
    if mask.device.type != "cpu" or mask.float().mean() < _SPARSE:
        return False
    begins = F.pad(mask, (1, 0))[:, :-1].logical_not() & mask
    return bool((begins.sum(1) <= 1).all())


def _packed(
    kind: str,
    x: Float[Tensor, "B T D"],
    weights: Sequence[Weights],
    mask: Bool[Tensor, "B T"],
    state: State,
) -> tuple[Float[Tensor, "B T Y"], State]:
    """The real steps alone."""
    indices, sizes, rows = _order(mask)
    steps = x.flatten(0, 1).index_select(0, indices)  # (B, T, D) -> (N, D)
    start = tuple(part.index_select(1, rows) for part in state)  # (R, B', H) each
    steps, last = _torch(kind, (steps, sizes), start, weights)  # (N, R H)
    output = steps.new_zeros(mask.numel(), steps.shape[1]).index_copy(0, indices, steps)
    state = tuple(a.index_copy(1, rows, b) for a, b in zip(state, last, strict=True))
    return output.view(*mask.shape, -1), state  # (B * T, R H) -> (B, T, R H)


def _order(
    mask: Bool[Tensor, "B T"],
) -> tuple[Int[Tensor, "N"], Int[Tensor, "longest"], Int[Tensor, "rows"]]:
    """In which order a packed batch holds the N real steps of a mask.

    Returns:
        the indices of the steps in the flattened batch (B * T): every row's first step, the
        longest row's before the others', then every row's second step, and so on; how many rows
        have a first, a second, ... step, on the CPU; and the rows that have one, longest first.
    """
    row, column = mask.nonzero(as_tuple=True)  # (N,) each
    step = mask.cumsum(1)[row, column] - 1  # (N,): real steps of the same row before it
    by_length = mask.sum(1).argsort(descending=True, stable=True)  # (B,)
    rank = by_length.argsort()  # (B,): the place of each row in that order
    order = (step * len(mask) + rank[row]).argsort()  # (N,)
    sizes = step.bincount().cpu()
    return (row * mask.shape[1] + column)[order], sizes, by_length[: int(sizes[0])]


def _torch(
    kind: str,
    inputs: tuple[Shaped[Tensor, "..."], ...],
    state: State,
    weights: Sequence[Weights],
    **options: Any,
) -> tuple[Float[Tensor, "*steps Y"], State]:
    """torch's function on a padded batch (x,), or on a packed one (steps, sizes)."""
    # Of train cuDNN alone takes notice: without it there are no gradients in eval mode.
    output, *last = _TORCH[kind](
        *inputs, list(state) if KINDS[kind].parts > 1 else state[0],
        [tensor for own in weights for tensor in own], has_biases=True, num_layers=1, dropout=0.0,
        train=torch.is_grad_enabled(), bidirectional=len(weights) > 1, **options,
    )  # fmt: skip
    return output, tuple(last)
