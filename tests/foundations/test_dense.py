"""Dense: the notes' figures, torch and central differences."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import he_normal, scaled_gaussian

sizes = st.integers(1, 7)


def test_the_two_layers_of_note_3() -> None:
    """Legacy seed 0, 0.01-scaled Gaussian weights, 4 -> 5 -> 2."""
    state = np.random.RandomState(0)
    first = Dense(4, 5, init=scaled_gaussian(0.01), rng=state)
    second = Dense(5, 2, init=scaled_gaussian(0.01), rng=state)
    X = np.array([[1, 2, 3, 2.5], [4, 5, 6, 1.2], [7, 8, 9, 1.45]])
    hidden = first(X)
    printed = [
        [0.01075813, 0.10398352, 0.02446241, 0.0318215, 0.01885105],
        [0.03434491, 0.16869607, 0.07478202, 0.0955321, 0.11161489],
        [0.06310363, 0.25656684, 0.12192168, 0.16409525, 0.19114024],
    ]
    np.testing.assert_allclose(hidden, printed, rtol=0, atol=5.001e-9)
    printed = [[0.00148296, -0.00083976], [0.00403334, -0.00065392], [0.006379, -0.0007635]]
    np.testing.assert_allclose(second(hidden), printed, rtol=0, atol=5.001e-9)


@settings(max_examples=40)
@given(st.lists(sizes, max_size=3), sizes, sizes, st.booleans())
def test_against_torch_and_differences(lead, inputs: int, outputs: int, bias: bool) -> None:
    random = np.random.default_rng(0)
    layer = Dense(inputs, outputs, rng=random, bias=bias)
    if layer.b is not None:
        layer.b.value[...] = random.normal(size=outputs)
    X = random.normal(size=(*lead, inputs))
    assert_equals_torch(layer, X, lambda x, p: torch.nn.functional.linear(x, p["W"].T, p.get("b")))
    if X.size < 60:
        assert_passes_differences(layer, X)


def test_an_empty_batch() -> None:
    Y, backprop = Dense(3, 2, rng=0).forward(np.ones((0, 3)))
    assert Y.shape == (0, 2)
    assert backprop(Y).shape == (0, 3)


def test_gradients_add_up_over_calls() -> None:
    layer = Dense(3, 2, rng=0)
    X = np.ones((2, 3))
    for _ in range(2):
        layer.forward(X)[1](np.ones((2, 2)))
    np.testing.assert_array_equal(layer.W.grad, np.full((3, 2), 4.0))
    assert layer.b is not None
    np.testing.assert_array_equal(layer.b.grad, [4.0, 4.0])


def test_float32_stays_and_whole_numbers_are_taken() -> None:
    layer = Dense(3, 2, rng=0)
    assert layer(np.ones((1, 3), dtype=int)).dtype == np.float64
    layer.astype(np.float32)
    for dtype in (np.float32, np.int64):
        Y, backprop = layer.forward(np.ones((4, 3), dtype))
        assert Y.dtype == backprop(Y).dtype == layer.W.grad.dtype == np.float32


def test_names_shapes_and_seeds() -> None:
    layer = Dense(3, 2, init=he_normal, rng=5)
    assert [(name, p.value.shape) for name, p in layer.named_parameters()] == [
        ("W", (3, 2)),
        ("b", (2,)),
    ]
    np.testing.assert_array_equal(layer.W.value, he_normal((3, 2), 5))
    assert [name for name, _ in Dense(3, 2, bias=False).named_parameters()] == ["W"]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"Dense: X \(4, 2\); the last axis of X has 3 numbers"):
        Dense(3, 2, rng=0)(np.ones((4, 2)))
    with pytest.raises(ShapeError, match=r"Dense: X \(\)"):
        Dense(3, 2, rng=0)(1.0)
    with pytest.raises(ShapeError, match=r"Dense\(0, 2\); both sizes are at least 1"):
        Dense(0, 2)
