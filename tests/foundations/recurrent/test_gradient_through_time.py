"""Gradients vanish in an RNN and explode in one of large weights; an LSTM's memory carries them."""

import numpy as np
import pytest

from hfdl.errors import ConfigError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.gradient_through_time import gradient_through_time
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.lstm import LSTM
from hfdl.foundations.recurrent.rnn import RNN

X = np.random.default_rng(0).standard_normal((4, 50, 8))


def test_it_vanishes_in_an_rnn_and_lasts_in_an_lstm() -> None:
    rnn = gradient_through_time(RNN(8, 32, rng=0), X)
    lstm = gradient_through_time(LSTM(8, 32, forget_bias=4.0, rng=0), X)
    assert rnn.shape == lstm.shape == (50,)
    assert rnn[-1] == lstm[-1] == 1
    assert rnn[0] < 1e-12  # 49 steps back nothing is left
    assert lstm[0] > 1e-2
    halves = -np.diff(np.log(rnn[::-1]))  # an exponential: each step takes about the same share
    assert halves[5:].min() > 0.2
    closed = gradient_through_time(LSTM(8, 32, forget_bias=-2.0, rng=0), X)
    assert closed[0] < 1e-20  # it is the gate that carries it, not the name
    assert gradient_through_time(LSTM(8, 32, rng=0), X)[0] > 1e3 * rnn[0]


def test_it_explodes_with_large_weights() -> None:
    layer = RNN(8, 32, rng=0)
    layer.W_h.value *= 4.0
    norms = gradient_through_time(layer, 0.0 * X)  # at h = 0 tanh does not dampen
    assert norms[0] > 1e12


def test_it_is_the_derivative_by_the_state() -> None:
    layer = GRU(3, 4, rng=0)
    inputs = np.random.default_rng(1).standard_normal((1, 6, 3))
    direction = np.random.default_rng(0).standard_normal((1, 1, 4))[0]
    direction /= np.linalg.norm(direction)
    norms = gradient_through_time(layer, inputs)
    for t in range(6):
        state = layer.run(inputs[:, : t + 1])[1][0].copy()

        def last(h: np.ndarray, t: int = t) -> float:
            return float(np.sum(layer.run(inputs[:, t + 1 :], state=(h,))[1][0] * direction))

        assert abs(norms[t] - np.linalg.norm(central_differences(last, state))) < 1e-8


def test_the_layer_stays_as_it_was() -> None:
    layer = Stacked(LSTM(8, 4, rng=0), GRU(4, 3, rng=1))
    norms = gradient_through_time(layer, X[:, :10])
    assert norms.shape == (10,)
    assert (norms > 0).all()
    assert all((p.grad == 0).all() for p in layer.parameters())
    np.testing.assert_array_equal(gradient_through_time(layer, X[:, :10]), norms)
    assert gradient_through_time(layer, X[:, :0]).shape == (0,)


def test_two_directions_are_refused() -> None:
    layer = Bidirectional(RNN(8, 3), RNN(8, 3))
    for refused in (layer, Stacked(RNN(8, 8), Stacked(layer))):
        with pytest.raises(ConfigError, match=r"the layer is bidirectional.*Give the \.forwards"):
            gradient_through_time(refused, X)
    assert gradient_through_time(layer.forwards, X).shape == (50,)
