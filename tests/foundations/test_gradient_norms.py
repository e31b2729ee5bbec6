"""Gradients vanish through sigmoids and not through ReLUs with He initialisation."""

import numpy as np
import pytest
import torch

from hfdl.foundations.activations import ReLU, Sigmoid, Tanh
from hfdl.foundations.batch_norm import BatchNorm
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.gradient_norms import deep_stack, gradient_norms
from hfdl.foundations.initialization import he_normal, scaled_gaussian
from hfdl.foundations.losses import mse
from hfdl.foundations.sequential import Sequential

DEPTH, WIDTH = 10, 16
RANDOM = np.random.default_rng(0)
X, TARGET = RANDOM.normal(size=(32, WIDTH)), RANDOM.normal(size=(32, WIDTH))


def norms(activation, init) -> np.ndarray:
    network = deep_stack(DEPTH, WIDTH, activation, init=init, rng=1)
    return np.array(list(gradient_norms(network, mse, X, TARGET).values()))


def test_sigmoid_vanishes_and_relu_does_not() -> None:
    sigmoid, relu = norms(Sigmoid, he_normal), norms(ReLU, he_normal)
    assert len(sigmoid) == len(relu) == DEPTH
    assert sigmoid[0] < 1e-3 * sigmoid[-1]
    assert (np.diff(np.log(sigmoid)) > 0).all()  # less at each layer further back
    assert 0.1 < relu[0] / relu[-1] < 10


def test_large_weights_explode_and_small_ones_vanish() -> None:
    large, small = norms(ReLU, scaled_gaussian(2.0)), norms(ReLU, scaled_gaussian(0.01))
    assert large[0] > 1e6 * norms(ReLU, he_normal)[0]
    assert small.max() < 1e-10


def test_every_norm_is_torchs() -> None:
    network = deep_stack(4, 3, Tanh, rng=0)
    found = gradient_norms(network, mse, X[:5, :3], TARGET[:5, :3])
    assert list(found) == [f"layers.{i}.W" for i in (0, 2, 4, 6)]
    x = torch.from_numpy(X[:5, :3])
    weights = {}
    for name, p in network.named_parameters():
        weights[name] = torch.from_numpy(p.value.copy()).requires_grad_()
    for i in (0, 2, 4, 6):
        x = torch.tanh(x @ weights[f"layers.{i}.W"] + weights[f"layers.{i}.b"])
    torch.nn.functional.mse_loss(x, torch.from_numpy(TARGET[:5, :3])).backward()
    for only in ("W", "b"):
        for name, norm in gradient_norms(
            network, mse, X[:5, :3], TARGET[:5, :3], only=only
        ).items():
            grad = weights[name].grad
            assert grad is not None
            assert norm == pytest.approx(grad.norm().item(), rel=1e-12)


def test_the_network_is_left_alone() -> None:
    state = np.random.RandomState(0)
    network = Sequential(Dense(3, 2, rng=0), BatchNorm(2), Dropout(0.5, rng=state))
    network.parameters()[0].grad[...] = 7.0
    gradient_norms(network, mse, X[:, :3], TARGET[:, :2])
    assert (network.parameters()[0].grad == 7.0).all()
    norm = network.layers[1]
    assert isinstance(norm, BatchNorm)
    assert not norm.running_mean.any()
    assert state.rand() == np.random.RandomState(0).rand()
