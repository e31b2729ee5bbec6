"""Inverted dropout: what is dropped, what is kept, and the way back."""

import numpy as np
import pytest
from helpers.foundation_checks import assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ConfigError
from hfdl.foundations.dropout import Dropout


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_the_share_and_the_expectation(p: float) -> None:
    Y, _ = Dropout(p, rng=0).forward(np.ones((300, 300)), train=True)
    dropped = Y == 0
    assert dropped.mean() == pytest.approx(p, abs=0.005)
    np.testing.assert_allclose(Y[~dropped], 1 / (1 - p), rtol=1e-15)
    assert Y.mean() == pytest.approx(1.0, abs=0.015)
    # Each number by itself: neither rows nor columns fall together.
    assert dropped.mean(axis=0).std() == pytest.approx(np.sqrt(p * (1 - p) / 300), rel=0.15)
    assert dropped.mean(axis=1).std() == pytest.approx(np.sqrt(p * (1 - p) / 300), rel=0.15)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 4), max_size=3).map(tuple))
def test_the_gradient_goes_where_the_number_went(shape: tuple[int, ...]) -> None:
    layer = Dropout(0.4, rng=1)
    X = np.asarray(np.random.default_rng(0).normal(size=shape))
    assert_passes_differences(layer, X, train=True)
    Y, backprop = layer.forward(X, train=True)
    np.testing.assert_allclose(backprop(np.ones_like(Y)) * X, Y, rtol=1e-12)


def test_outside_training_nothing_is_drawn() -> None:
    state = np.random.RandomState(0)
    layer = Dropout(0.5, rng=state)
    X = np.ones((5, 5))
    Y, backprop = layer.forward(X)
    np.testing.assert_array_equal(Y, X)
    np.testing.assert_array_equal(backprop(2 * X), 2 * X)
    assert state.rand() == np.random.RandomState(0).rand()


def test_each_pass_has_a_mask_of_its_own_and_a_seed_repeats_them() -> None:
    X = np.ones((10, 10))
    one, two = Dropout(0.5, rng=3), Dropout(0.5, rng=3)
    masks = [layer.forward(X, train=True)[0] for layer in (one, one, two, two)]
    assert (masks[0] != masks[1]).any()
    np.testing.assert_array_equal(masks[:2], masks[2:])


def test_p_of_zero_and_float32() -> None:
    X = np.ones((50, 50), np.float32)
    np.testing.assert_array_equal(Dropout(0.0, rng=0).forward(X, train=True)[0], X)
    Y, backprop = Dropout(0.3, rng=0).forward(X, train=True)
    assert Y.dtype == backprop(Y).dtype == np.float32


@pytest.mark.parametrize("p", [-0.1, 1.0, 30, float("nan")])
def test_what_is_no_share_is_refused(p: float) -> None:
    with pytest.raises(ConfigError, match=rf"Dropout\({p}\); p is the share that is dropped"):
        Dropout(p)
