"""Long short-term memory, against torch's and against central differences."""

import numpy as np
from helpers.torch_recurrent import Case, cases, compare, drawn, names_of
from hypothesis import given

from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.recurrent.lstm import LSTM


@given(cases())
def test_equal_to_torch(case: Case) -> None:
    layer = drawn(LSTM(case.D, case.H), case.seed)
    assert names_of(layer) == {"W_x", "W_h", "b"}
    assert compare(layer, case) == 6 + 3  # Y, dX, h, c and their start's gradients; weights


def test_against_central_differences() -> None:
    layer = drawn(LSTM(3, 5))
    X = np.random.default_rng(1).standard_normal((3, 4, 3))
    for lengths in (None, np.array([4, 1, 2])):
        errors = check_layer(layer, X, lengths=lengths)
        assert set(errors) == {"X", "W_x", "W_h", "b"}
        assert max(errors.values()) < 1e-8


def test_an_open_forget_gate_keeps_the_memory_and_the_whole_gradient() -> None:
    layer = LSTM(1, 2, forget_bias=1e3)  # sigmoid(1000) is 1
    for W in (layer.W_x, layer.W_h):
        W.value[...] = 0.0
    memory = np.array([[0.3, -2.0]])
    X = np.zeros((1, 200, 1))
    _, (_, c), backprop = layer.run(X, state=(np.zeros((1, 2)), memory))
    np.testing.assert_array_equal(c, memory)
    d_c = np.array([[1.0, -3.0]])
    _, (_, d_memory) = backprop(np.zeros((1, 200, 2)), (np.zeros((1, 2)), d_c))
    np.testing.assert_array_equal(d_memory, d_c)


def test_the_forget_gate_begins_open() -> None:
    layer = LSTM(2, 3, rng=0)
    np.testing.assert_array_equal(layer.b.value, [0] * 3 + [1] * 3 + [0] * 6)
    assert (LSTM(2, 3, forget_bias=0.0).b.value == 0).all()
