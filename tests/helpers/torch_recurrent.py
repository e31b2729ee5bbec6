"""torch's recurrent modules with the weights of ``hfdl.foundations``, and what both give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hfdl.foundations.layer import Parameter
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.recurrence import Recurrent, StatefulLayer
from hfdl.foundations.recurrent.rnn import RNN

BOUND = 1e-10
TORCH: dict[type, Any] = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}
sizes = st.integers(1, 5)


@dataclass(frozen=True)
class Case:
    """A batch of sequences."""

    B: int
    T: int
    D: int
    H: int
    lengths: tuple[int, ...] | None
    with_state: bool
    seed: int

    def array(self, *shape: int, salt: int = 0) -> np.ndarray:
        return np.random.default_rng((self.seed, salt, *shape)).standard_normal(shape)


@st.composite
def cases(draw: Any) -> Case:
    """Batches of 1 to 4 sequences of 1 to 6 steps, of equal or unequal lengths."""
    B, T = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    lengths = st.lists(st.integers(1, T), min_size=B, max_size=B).map(tuple)
    return Case(
        B, T, draw(sizes), draw(sizes), draw(st.none() | lengths), draw(st.booleans()),
        draw(st.integers(0, 1000)),
    )  # fmt: skip


def cells_of(layer: StatefulLayer) -> list[Recurrent]:
    """The layers with weights, in torch's order: the lowest first, forwards before backwards."""
    if isinstance(layer, Bidirectional):
        return [*cells_of(layer.forwards), *cells_of(layer.backwards)]
    if isinstance(layer, Stacked):
        return [cell for part in layer.layers for cell in cells_of(part)]
    assert isinstance(layer, Recurrent)
    return [layer]


def drawn(layer: StatefulLayer, seed: int = 0) -> StatefulLayer:
    """The layer with every number drawn anew, biases too."""
    random = np.random.default_rng(seed)
    for parameter in layer.parameters():
        parameter.value[...] = random.uniform(-0.8, 0.8, parameter.value.shape)
    return layer


def twin(layer: StatefulLayer, layers: int = 1, both_ways: bool = False) -> nn.Module:
    """torch's module of the same weights; what it adds two biases for is split among them."""
    cells = cells_of(layer)
    assert len(cells) == layers * (1 + both_ways)
    D, H = cells[0].W_x.value.shape[0], cells[0].W_h.value.shape[0]
    theirs = TORCH[type(cells[0])](
        D, H, num_layers=layers, bidirectional=both_ways, batch_first=True, dtype=torch.float64
    )
    for cell, suffix in zip(cells, suffixes(layers, both_ways), strict=True):
        b, hidden = cell.b.value, np.random.default_rng(7).uniform(-1, 1, cell.b.value.shape)
        if isinstance(cell, GRU):
            hidden[2 * H :] = cell.b_h.value
            split = np.concatenate([(b - hidden)[: 2 * H], b[2 * H :]])
        else:
            split = b - hidden
        values = {"weight_ih": cell.W_x.value.T, "weight_hh": cell.W_h.value.T, "bias_ih": split}
        with torch.no_grad():
            for name, value in {**values, "bias_hh": hidden}.items():
                getattr(theirs, name + suffix).copy_(torch.from_numpy(value))
    return theirs


def suffixes(layers: int, both_ways: bool) -> list[str]:
    ways = ["", "_reverse"] if both_ways else [""]
    return [f"_l{i}{way}" for i in range(layers) for way in ways]


def compare(layer: StatefulLayer, case: Case, layers: int = 1, both_ways: bool = False) -> int:
    """Hold outputs, final states and all gradients to torch's; how many arrays were compared."""
    theirs = twin(layer, layers, both_ways)
    X = case.array(case.B, case.T, case.D)
    start = tuple(case.array(case.B, w, salt=i) for i, w in enumerate(layer.state_widths))
    d_final = tuple(case.array(case.B, w, salt=50 + i) for i, w in enumerate(layer.state_widths))
    lengths = None if case.lengths is None else np.array(case.lengths)
    Y, final, backprop = layer.run(X, lengths=lengths, state=start if case.with_state else None)
    dY = case.array(*Y.shape, salt=99)
    dX, d_start = backprop(dY, d_final)

    x = torch.from_numpy(X).requires_grad_()
    begin = [torch.from_numpy(s if case.with_state else 0 * s).requires_grad_() for s in start]
    ends: Any
    if lengths is None:
        y, ends = theirs(x, _joined(layer, begin))
    else:
        packed = pack_padded_sequence(
            x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False
        )
        y, ends = theirs(packed, _joined(layer, begin))
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=case.T)
    last = _parted(layer, ends)
    loss = (y * torch.from_numpy(dY)).sum()
    for end, gradient in zip(last, d_final, strict=True):
        loss = loss + (end * torch.from_numpy(gradient)).sum()
    loss.backward()
    pairs = [(Y, y), (dX, x.grad), *zip(final, last, strict=True)]
    pairs += [(d, b.grad) for d, b in zip(d_start, begin, strict=True)]
    for cell, suffix in zip(cells_of(layer), suffixes(layers, both_ways), strict=True):
        theirs_grad = {n: getattr(theirs, n + suffix).grad for n in
                       ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        pairs += [(cell.W_x.grad, theirs_grad["weight_ih"].T)]
        pairs += [(cell.W_h.grad, theirs_grad["weight_hh"].T)]
        pairs += [(cell.b.grad, theirs_grad["bias_ih"])]
        if isinstance(cell, GRU):
            pairs += [(cell.b_h.grad, theirs_grad["bias_hh"][2 * cell.b_h.value.size :])]
    for ours, other in pairs:
        assert ours.shape == tuple(other.shape)
        np.testing.assert_allclose(ours, other.detach().numpy(), rtol=0, atol=BOUND)
    return len(pairs)


def _joined(layer: StatefulLayer, states: list[Tensor]) -> Any:
    """Our arrays (h, c, h, c, ...) as torch's (layers, B, H), or a pair of them."""
    arrays = cells_of(layer)[0].states
    stacked = [torch.stack(states[i::arrays]) for i in range(arrays)]
    return stacked[0] if arrays == 1 else tuple(stacked)


def _parted(layer: StatefulLayer, states: Any) -> list[Tensor]:
    arrays = (states,) if cells_of(layer)[0].states == 1 else states
    return [array[i] for i in range(len(arrays[0])) for array in arrays]


def names_of(layer: StatefulLayer) -> set[str]:
    """The names of its parameters."""
    return {name for name, value in layer.named_parameters() if isinstance(value, Parameter)}
