"""Both recurrent kernels against torch's modules, and each other, whatever the padding."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hfdl.nn.fused_recurrence import fused
from hfdl.nn.recurrence import KINDS, unrolled
from hfdl.nn.recurrent import Recurrent

KERNELS = [unrolled, fused]
TORCH: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
BOUND = 1e-10
MASKS = {
    "right": [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]],
    "left": [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]],
    "both": [[0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0]],
    "inside": [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [1, 1, 1, 1, 1]],
    "none": [[1, 1, 1, 1, 1]] * 3,
    "one step": [[1], [1]],
    "an empty row": [[1, 1, 1, 1], [0, 0, 0, 0], [0, 1, 1, 1]],
    "few": [[1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]],
    "nothing": [[0, 0], [0, 0]],
}


def pair(kind: str, sizes: Any, bidirectional: bool, kernel: Any) -> tuple[Recurrent, Any]:
    """Ours and torch's in float64 with the same weights; sizes D, H and layers."""
    d, h, layers = sizes
    torch.manual_seed(0)
    ours = Recurrent(
        kind, d, h, num_layers=layers, bidirectional=bidirectional, kernel=kernel
    ).double()
    theirs = TORCH[kind](
        d, h, num_layers=layers, bidirectional=bidirectional, batch_first=True, dtype=torch.float64
    )
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def numbers(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def weighted(output: Tensor, state: tuple[Tensor, ...]) -> Tensor:
    """A number that depends on every output and every part of the state differently."""
    return sum(
        ((1.5 + torch.arange(x.numel(), dtype=x.dtype).sin()) * x.flatten()).sum()
        for x in (output, *state)
    )  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3)),
    bidirectional=st.booleans(),
    spare=st.integers(0, 2),
)
def test_outputs_states_and_gradients_are_torchs(
    kernel: Any, kind: str, lengths: list[int], sizes: Any, bidirectional: bool, spare: int
) -> None:
    ours, theirs = pair(kind, sizes, bidirectional, kernel)
    long = max(lengths)
    x = numbers(len(lengths), long + spare, sizes[0]).requires_grad_()
    told = torch.tensor(lengths)
    output, state = ours(x, lengths=told)
    packed, other = theirs(pack_padded_sequence(x, told, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    other = other if isinstance(other, tuple) else (other,)
    assert output.shape == (len(lengths), long + spare, sizes[1] * (1 + bidirectional))
    assert (output[:, :long] - expected).abs().max() < BOUND
    assert not output[:, long:].any()
    assert len(state) == len(other) == KINDS[kind].parts
    for mine, his in zip(state, other, strict=True):
        assert mine.shape == his.shape
        assert (mine - his).abs().max() < BOUND
    inputs = (x, *ours.parameters())
    mine = torch.autograd.grad(weighted(output[:, :long], state), inputs)
    his = torch.autograd.grad(weighted(expected, other), (x, *theirs.parameters()))
    assert len(mine) == len(his) == 1 + 4 * sizes[2] * (1 + bidirectional)
    for a, b in zip(mine, his, strict=True):
        assert (a - b).abs().max() < BOUND


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MASKS)
def test_a_padded_step_changes_nothing(
    name: str, kind: str, bidirectional: bool, kernel: Any
) -> None:
    """Each row gets what torch gives its real steps alone, whatever stands at padding."""
    ours, theirs = pair(kind, (3, 4, 2), bidirectional, kernel)
    mask = torch.tensor(MASKS[name]).bool()
    clean = numbers(*mask.shape, 3)
    x = clean.masked_fill(~mask[..., None], torch.nan).requires_grad_()
    output, state = ours(x, mask)
    weighted(output, state).backward()
    assert x.grad is not None
    assert not x.grad[~mask].any()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())
    assert not output[~mask].any()
    for row, real in enumerate(mask):
        if not real.any():
            assert not any(part[:, row].any() for part in state)
            continue
        expected, other = theirs(clean[row : row + 1, real])
        other = other if isinstance(other, tuple) else (other,)
        assert (output[row, real] - expected[0]).abs().max() < BOUND
        for mine, his in zip(state, other, strict=True):
            assert (mine[:, row] - his[:, 0]).abs().max() < BOUND


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("started", [False, True])
def test_kernels_agree_on_gradients(
    name: str, kind: str, bidirectional: bool, started: bool
) -> None:
    mask = torch.tensor(MASKS[name])
    x = numbers(*mask.shape, 3).requires_grad_()
    ours, _ = pair(kind, (3, 4, 2), bidirectional, unrolled)
    shape = (2 * (1 + bidirectional), len(mask), 4)
    state = [numbers(*shape, seed=5 + i).requires_grad_() for i in range(KINDS[kind].parts)]
    inputs = [x, *ours.parameters(), *(state if started else [])]
    found = []
    for kernel in KERNELS:
        ours.kernel = kernel
        total = weighted(*ours(x, mask, state=tuple(state) if started else None))
        found.append(torch.autograd.grad(total, inputs, allow_unused=True))
    assert len(found[0]) == 1 + 8 * (1 + bidirectional) + (len(state) if started else 0)
    for a, b in zip(*found, strict=True):
        a, b = (torch.zeros(()) if g is None else g for g in (a, b))
        assert (a - b).abs().max() < BOUND


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_central_differences(kind: str, kernel: Any) -> None:
    ours, _ = pair(kind, (2, 2, 1), True, kernel)
    mask = torch.tensor([[1, 1], [1, 0]])
    names = [name for name, _ in ours.named_parameters()]
    assert len(names) == 8

    def read(x: Tensor, *weights: Tensor) -> Tensor:
        given = dict(zip(names, weights, strict=True))
        return weighted(*torch.func.functional_call(ours, given, (x, mask)))

    inputs = [numbers(2, 2, 2), *(p.detach().clone() for p in ours.parameters())]
    assert torch.autograd.gradcheck(read, [i.requires_grad_() for i in inputs], atol=1e-7)


def test_one_step_by_hand() -> None:
    """Every gate has another weight, so that no two can be mixed up."""

    def sigma(a: float) -> float:
        return 1 / (1 + math.exp(-a))

    x, h, c = 0.5, -0.3, 0.8
    w, u, b, d = [0.1, -0.4, 0.7, 1.1], [0.9, 0.2, -0.6, 0.3], [0.05, 0.1, -0.2, 0.4], 0.25
    p, q = [w_ * x + b_ for w_, b_ in zip(w, b, strict=True)], [u_ * h + d for u_ in u]
    i, f, g, o = (a + e for a, e in zip(p, q, strict=True))
    new_c = sigma(f) * c + sigma(i) * math.tanh(g)
    z = sigma(p[1] + q[1])
    expected = {
        "rnn": [math.tanh(p[0] + q[0])],
        "lstm": [sigma(o) * math.tanh(new_c), new_c],
        "gru": [(1 - z) * math.tanh(p[2] + sigma(p[0] + q[0]) * q[2]) + z * h],
    }
    for kind in KINDS:
        gates = KINDS[kind].gates
        ours = Recurrent(kind, 1, 1).double()
        with torch.no_grad():
            for parameter, values in zip(ours.parameters(), [w, u, b, [d] * 4], strict=True):
                parameter.copy_(torch.tensor(values[:gates]).view(parameter.shape))
        state = tuple(torch.full((1, 1, 1), v, dtype=torch.float64) for v in (h, c))
        for kernel in KERNELS:
            ours.kernel = kernel
            _, last = ours(
                torch.full((1, 1, 1), x, dtype=torch.float64), state=state[: KINDS[kind].parts]
            )
            assert [part.item() for part in last] == pytest.approx(expected[kind], abs=1e-7)
