"""Layers in a row."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences

from hfdl.errors import ConfigError
from hfdl.foundations.activations import ReLU, Tanh
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.layer import Layer
from hfdl.foundations.sequential import Sequential


def network() -> Sequential:
    random = np.random.default_rng(0)
    return Sequential(Dense(3, 5, rng=random), Tanh(), Sequential(Dense(5, 2, rng=random)))


def test_against_torch_and_differences() -> None:
    X = np.random.default_rng(1).normal(size=(4, 3))

    def forward(x, p):
        hidden = torch.tanh(x @ p["layers.0.W"] + p["layers.0.b"])
        return hidden @ p["layers.2.layers.0.W"] + p["layers.2.layers.0.b"]

    assert_equals_torch(network(), X, forward)
    assert_passes_differences(network(), X)


def test_train_reaches_every_layer() -> None:
    inner = Sequential(Sequential(Dropout(0.5, rng=0)))
    X = np.ones((20, 20))
    assert (inner.forward(X, train=True)[0] == 0).any()
    np.testing.assert_array_equal(inner(X), X)


def test_one_layer_twice_shares_its_parameters() -> None:
    shared = Dense(3, 3, rng=0)
    tied = Sequential(shared, ReLU(), shared)
    assert len(tied.parameters()) == 2
    assert_passes_differences(tied, np.random.default_rng(1).normal(size=(4, 3)))


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"layer 1 of Sequential is .*ReLU.*each is a Layer"):
        Sequential(Dense(2, 2, rng=0), ReLU)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigError, match=r"Sequential\(\) has no layer"):
        Sequential()
    assert issubclass(Sequential, Layer)
