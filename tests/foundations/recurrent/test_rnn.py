"""The simple recurrent network, against torch's and against central differences."""

import numpy as np
from helpers.torch_recurrent import Case, cases, compare, drawn, names_of
from hypothesis import given

from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.recurrent.rnn import RNN


@given(cases())
def test_equal_to_torch(case: Case) -> None:
    layer = drawn(RNN(case.D, case.H), case.seed)
    assert names_of(layer) == {"W_x", "W_h", "b"}
    assert compare(layer, case) == 4 + 3  # Y, dX, the final h, the start's gradient; weights


def test_against_central_differences() -> None:
    layer = drawn(RNN(3, 5))
    X = np.random.default_rng(1).standard_normal((3, 4, 3))
    for lengths in (None, np.array([4, 1, 2])):
        errors = check_layer(layer, X, lengths=lengths)
        assert set(errors) == {"X", "W_x", "W_h", "b"}
        assert max(errors.values()) < 1e-8


def test_the_equation_step_by_step() -> None:
    layer = RNN(2, 3, rng=0)
    X = np.random.default_rng(1).standard_normal((1, 4, 2))
    h = np.zeros(3)
    for t in range(4):
        h = np.tanh(X[0, t] @ layer.W_x.value + h @ layer.W_h.value + layer.b.value)
        np.testing.assert_allclose(layer(X)[0, t], h, rtol=0, atol=1e-15)


def test_how_it_begins() -> None:
    layer = RNN(7, 25, rng=3)
    assert (layer.b.value == 0).all()
    for W in (layer.W_x.value, layer.W_h.value):
        assert 0.19 < np.abs(W).max() <= 0.2  # 1 / sqrt(25)
    np.testing.assert_array_equal(layer.W_x.value, RNN(7, 25, rng=3).W_x.value)
