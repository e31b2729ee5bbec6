"""Batch normalisation against torch's, running averages included."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.gradcheck import check_layer


def layer_of(channels: int, **settings) -> BatchNorm:
    layer = BatchNorm(channels, **settings)
    random = np.random.default_rng(channels)
    layer.gamma.value[...], layer.beta.value[...] = random.normal(size=(2, channels))
    layer.running_mean = random.normal(size=channels)
    layer.running_variance = random.uniform(0.5, 2.0, channels)
    return layer


@settings(max_examples=30)
@given(st.integers(2, 6), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2), st.booleans())
def test_against_torch_and_differences(rows, channels, rest, train) -> None:
    layer = layer_of(channels)
    X = np.random.default_rng(0).normal(1.0, 2.0, (rows, channels, *rest))

    def forward(x, p):
        return torch.nn.functional.batch_norm(
            x, torch.from_numpy(layer.running_mean.copy()),
            torch.from_numpy(layer.running_variance.copy()), p["gamma"], p["beta"], training=train,
        )  # fmt: skip

    assert_equals_torch(layer, X, forward, train=train)
    if rows > 2 or not train:  # of two numbers the way back is near 0/0 where they are close
        assert max(check_layer(layer, X, train=train).values()) < 1e-6


@pytest.mark.parametrize("momentum", [0.1, 0.5, 1.0])
def test_the_running_averages_are_torchs(momentum: float) -> None:
    ours = BatchNorm(3, momentum=momentum)
    theirs = torch.nn.BatchNorm2d(3, momentum=momentum, dtype=torch.float64)
    random = np.random.default_rng(0)
    for rows in (4, 2, 7):
        X = random.normal(3.0, 2.0, (rows, 3, 2, 3))
        ours.forward(X, train=True)
        theirs(torch.from_numpy(X))
    np.testing.assert_allclose(ours.running_mean, theirs.running_mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.running_variance, theirs.running_var, rtol=0, atol=1e-12)
    theirs.eval()
    before = ours.running_mean.copy()
    np.testing.assert_allclose(
        ours(X), theirs(torch.from_numpy(X)).detach().numpy(), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(ours.running_mean, before)


def test_training_gives_mean_0_and_variance_1() -> None:
    X = np.random.default_rng(0).normal(5.0, 3.0, (200, 4))
    Y, _ = BatchNorm(4).forward(X, train=True)
    np.testing.assert_allclose(Y.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(Y.var(axis=0), 1.0, atol=1e-5)


def test_outside_training_a_sample_stands_alone() -> None:
    layer = layer_of(3)
    X = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(layer(X)[:1], layer(X[:1]))
    assert_passes_differences(layer, X[:1])


def test_float32_stays_and_its_averages_are_kept_wide() -> None:
    layer = layer_of(3).astype(np.float32)
    X = np.ones((4, 3, 2, 2), np.float32)
    for train in (False, True):
        Y, backprop = layer.forward(X, train=train)
        assert Y.dtype == backprop(Y).dtype == np.float32
    assert isinstance(layer, BatchNorm)
    assert layer.running_variance.dtype == np.float64


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"BatchNorm: X \(2, 4\); X is \(B, 3, \.\.\.\)"):
        BatchNorm(3)(np.ones((2, 4)))
    with pytest.raises(ShapeError, match=r"needs two numbers at least. Use a batch size above 1"):
        BatchNorm(3).forward(np.ones((1, 3)), train=True)
    BatchNorm(3).forward(np.ones((1, 3, 2, 1)), train=True)
