"""What all recurrent layers share: states, lengths, single steps, types, errors."""

from typing import Any

import numpy as np
import pytest
from helpers.torch_recurrent import drawn

from hfdl.errors import ShapeError
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.recurrence import Recurrent, State, StatefulLayer
from hfdl.foundations.recurrent.rnn import RNN

KINDS: list[type[Recurrent]] = [RNN, LSTM, GRU]
random = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return random.standard_normal(shape)


def all_layers() -> list[StatefulLayer]:
    """Each kind, and both compositions of it."""
    layers: list[StatefulLayer] = []
    for kind in KINDS:
        layers += [kind(3, 5, rng=0), Bidirectional(kind(3, 5, rng=0), kind(3, 2, rng=1))]
        layers += [Stacked(kind(3, 4, rng=0), kind(4, 2, rng=1))]
    return layers


def test_every_kind_is_covered() -> None:
    assert set(Recurrent.__subclasses__()) == set(KINDS)
    assert len(all_layers()) == 9


@pytest.mark.parametrize("kind", KINDS)
def test_steps_one_by_one_are_the_run(kind: type[Recurrent]) -> None:
    whole, single = drawn(kind(3, 5)), drawn(kind(3, 5))
    X, dY = normal(2, 4, 3), normal(2, 4, 5)
    start = tuple(normal(2, w) for w in whole.state_widths)
    d_final = tuple(normal(2, w) for w in whole.state_widths)
    Y, final, through_time = whole.run(X, state=start)
    dX, d_start = through_time(dY, d_final)
    state, backs = start, []
    for t in range(4):
        y, state, back = single.run(X[:, t : t + 1], state=state)
        backs.append(back)
        np.testing.assert_allclose(y, Y[:, t : t + 1], rtol=0, atol=1e-15)
    d_state: State = d_final
    for t in reversed(range(4)):
        dx, d_state = backs[t](dY[:, t : t + 1], d_state)
        np.testing.assert_allclose(dx, dX[:, t : t + 1], rtol=0, atol=1e-14)
    for ours, other in zip((*state, *d_state), (*final, *d_start), strict=True):
        np.testing.assert_allclose(ours, other, rtol=0, atol=1e-14)
    for (_, p), (_, q) in zip(whole.named_parameters(), single.named_parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=0, atol=1e-13)


@pytest.mark.parametrize("layer", all_layers())
def test_what_stands_in_padding_does_not_matter(layer: StatefulLayer) -> None:
    lengths = np.array([3, 0, 5, 1])
    X, dY = normal(4, 5, 3), normal(4, 5, sum_width(layer))
    other = X.copy()
    for row, length in enumerate(lengths):
        other[row, length:] = 1e3
    results = []
    for given in (X, other):
        layer.zero_grad()
        Y, final, backprop = layer.run(given, lengths=lengths)
        dX, d_start = backprop(dY)
        results.append([Y, *final, dX, *d_start, *(p.grad.copy() for p in layer.parameters())])
        for row, length in enumerate(lengths):
            assert (Y[row, length:] == 0).all()
            assert (dX[row, length:] == 0).all()
            assert length == 0 or (dX[row, :length] != 0).any()
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("layer", all_layers())
def test_an_empty_sequence_ends_where_it_starts(layer: StatefulLayer) -> None:
    start = tuple(normal(2, w) for w in layer.state_widths)
    d_final = tuple(normal(2, w) for w in layer.state_widths)
    for X, lengths in [(normal(2, 3, 3), np.zeros(2, int)), (normal(2, 0, 3), None)]:
        Y, final, backprop = layer.run(X, lengths=lengths, state=start)
        _, d_start = backprop(np.ones_like(Y), d_final)
        for ours, expected in zip((*final, *d_start), (*start, *d_final), strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("layer", all_layers())
def test_float32_stays(layer: StatefulLayer) -> None:
    layer.astype(np.float32)
    Y, final, backprop = layer.run(normal(2, 3, 3).astype(np.float32), lengths=np.array([3, 1]))
    dX, d_start = backprop(np.ones_like(Y))
    grads = [p.grad for p in layer.parameters()]
    assert {x.dtype for x in (Y, dX, *final, *d_start, *grads)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("layer", all_layers())
def test_gradients_add_up(layer: StatefulLayer) -> None:
    layer.zero_grad()
    Y, backprop = layer.forward(normal(2, 3, 3))
    backprop(np.ones_like(Y))
    once = [p.grad.copy() for p in layer.parameters()]
    backprop(np.ones_like(Y))
    for before, p in zip(once, layer.parameters(), strict=True):
        assert (before != 0).any()
        np.testing.assert_allclose(p.grad, 2 * before, rtol=1e-12)


def sum_width(layer: StatefulLayer) -> int:
    return layer(np.zeros((1, 1, 3))).shape[-1]


def test_what_does_not_fit_is_refused() -> None:
    layer: Any = LSTM(3, 5, rng=0)
    with pytest.raises(ShapeError, match=r"LSTM: an input of shape \(2, 4, 2\).*input width, 3"):
        layer(normal(2, 4, 2))
    with pytest.raises(ShapeError, match=r"LSTM: a state of shapes \[\(2, 5\)\].*\(2, 5\), \(2, 5"):
        layer.run(normal(2, 4, 3), state=(np.zeros((2, 5)),))
    with pytest.raises(ShapeError, match=r"a state of shapes \[\(1, 5\), \(2, 5\)\]"):
        layer.run(normal(2, 4, 3), state=(np.zeros((1, 5)), np.zeros((2, 5))))
    with pytest.raises(ShapeError, match=r"GRU\(0, 4\); both sizes are at least 1"):
        GRU(0, 4)
    with pytest.raises(ShapeError, match="a length of 5 in an array of 4 steps"):
        layer.forward(normal(2, 4, 3), lengths=np.array([5, 1]))
