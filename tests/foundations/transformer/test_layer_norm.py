"""Layer normalisation against torch's."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.transformer.layer_norm import LayerNorm


@settings(max_examples=40)
@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 7), st.sampled_from([1e-5, 0.5]))
def test_against_torch_and_differences(lead: list[int], width: int, eps: float) -> None:
    layer = LayerNorm(width, eps=eps)
    random = np.random.default_rng(width)
    layer.gamma.value[...], layer.beta.value[...] = random.normal(size=(2, width))
    X = random.normal(2.0, 3.0, (*lead, width))
    assert_equals_torch(
        layer,
        X,
        lambda x, p: torch.nn.functional.layer_norm(x, (width,), p["gamma"], p["beta"], eps),
        tolerance=1e-9,  # a row whose numbers are nearly equal divides by little
    )
    if X.size < 40:
        # Of two numbers that are close the slope is steep, and the differences are coarse.
        assert_passes_differences(layer, X, bound=1e-6 if width != 2 else 1e-3)


def test_training_changes_nothing_and_float32_stays() -> None:
    layer = LayerNorm(5).astype(np.float32)
    X = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    Y, backprop = layer.forward(X, train=True)
    np.testing.assert_array_equal(Y, layer(X))
    assert Y.dtype == backprop(Y).dtype == np.float32
    assert LayerNorm(5)(np.ones((2, 5), int)).dtype == np.float64


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"LayerNorm: X \(2, 4\); the last axis of X has 3"):
        LayerNorm(3)(np.ones((2, 4)))
