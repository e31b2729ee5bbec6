"""The gated recurrent unit, against torch's and against central differences."""

import numpy as np
from helpers.torch_recurrent import Case, cases, compare, drawn, names_of
from hypothesis import given

from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.recurrent.gru import GRU


@given(cases())
def test_equal_to_torch(case: Case) -> None:
    layer = drawn(GRU(case.D, case.H), case.seed)
    assert names_of(layer) == {"W_x", "W_h", "b", "b_h"}
    assert compare(layer, case) == 4 + 4  # Y, dX, the final h, the start's gradient; weights


def test_against_central_differences() -> None:
    layer = drawn(GRU(3, 5))
    X = np.random.default_rng(1).standard_normal((3, 4, 3))
    for lengths in (None, np.array([4, 1, 2])):
        errors = check_layer(layer, X, lengths=lengths)
        assert set(errors) == {"X", "W_x", "W_h", "b", "b_h"}
        assert max(errors.values()) < 1e-8


def test_update_gate_1_keeps_the_past_as_in_cho_et_al() -> None:
    layer = GRU(2, 3, rng=0)
    layer.b.value[3:6] = 1e3  # z = 1
    h = np.array([[0.5, -1.0, 2.0]])
    X = np.random.default_rng(1).standard_normal((1, 5, 2))
    np.testing.assert_array_equal(layer.run(X, state=(h,))[1][0], h)


def test_the_reset_gate_stands_behind_the_product() -> None:
    """With r = 0 the candidate sees nothing of h, and nothing of b_h either."""
    layer = GRU(2, 3, rng=0)
    layer.b.value[:3], layer.b.value[3:6] = -1e3, -1e3  # r = 0, z = 0
    layer.b_h.value[...] = 5.0
    X = np.random.default_rng(1).standard_normal((1, 1, 2))
    Y, _, _ = layer.run(X, state=(np.ones((1, 3)),))
    np.testing.assert_allclose(Y, np.tanh(X @ layer.W_x.value[:, 6:]), rtol=0, atol=1e-15)
