"""torch modules behind the foundations' API: same numbers, same memory, same trajectory."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hfdl.errors import ConfigError
from hfdl.foundations.activations import ReLU
from hfdl.foundations.dense import Dense
from hfdl.foundations.fit import fit
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.losses import softmax_cross_entropy
from hfdl.foundations.optimizers import SGD, Adam
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.state import restore, state_of
from hfdl.foundations.vision.convolution import Conv2d
from hfdl.foundations.vision.pooling import Flatten, MaxPool2d
from hfdl.torch_layer import TorchLayer

BOUND = 1e-10


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def numpy_cnn() -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        Conv2d(1, 4, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Conv2d(4, 6, 3, rng=rng), ReLU(), Flatten(), Dense(6 * 2 * 2, 3, rng=rng),
    )  # fmt: skip


def torch_cnn(like: Sequential) -> nn.Sequential:
    """The same in torch, with the same weights."""
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 2 * 2, 3),
    ).double()  # fmt: skip
    with torch.no_grad():
        for ours, theirs in zip(like.parameters(), module.parameters(), strict=True):
            # A dense layer's W is (inputs, outputs) here and (outputs, inputs) in torch.
            value = ours.value.T if ours.value.ndim == 2 else ours.value
            theirs.copy_(torch.tensor(value))
    return module


def pair() -> tuple[Sequential, TorchLayer]:
    ours = numpy_cnn()
    return ours, TorchLayer(torch_cnn(ours))


def assert_same(ours: Any, theirs: Any) -> None:
    if ours.ndim == 2 and ours.shape != theirs.shape:
        theirs = theirs.T
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=BOUND)


def test_forward_and_gradients_equal_the_numpy_network() -> None:
    numpy, torch_ = pair()
    X = normal(5, 1, 8, 8)
    Y, backprop = numpy.forward(X)
    Z, torch_backprop = torch_.forward(X)
    assert isinstance(Z, np.ndarray)
    assert_same(Y, Z)
    dY = normal(5, 3, seed=1)
    assert_same(backprop(dY), torch_backprop(dY))
    assert len(numpy.parameters()) == len(torch_.parameters()) == 6
    for a, b in zip(numpy.parameters(), torch_.parameters(), strict=True):
        assert np.abs(a.grad).max() > 0
        assert_same(a.grad, b.grad)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_the_same_loop_gives_the_same_trajectory(kind: Any) -> None:
    X = normal(40, 1, 8, 8)
    y = np.arange(40) % 3
    histories = []
    numpy, torch_ = pair()
    for network in (numpy, torch_):
        optimizer = kind(network.parameters(), 0.01)
        histories.append(
            fit(network, softmax_cross_entropy, (X, y), optimizer=optimizer, epochs=4,
                batch_size=8, rng=0)
        )  # fmt: skip
    first, second = (np.array(history.loss) for history in histories)
    assert first[-1] < first[0]
    np.testing.assert_allclose(first, second, rtol=0, atol=BOUND)
    for a, b in zip(numpy.parameters(), torch_.parameters(), strict=True):
        assert_same(a.value, b.value)


def test_gradients_pass_central_differences() -> None:
    layer = TorchLayer(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double())
    errors = check_layer(layer, normal(5, 3))
    assert len(errors) == 5
    assert max(errors.values()) < 1e-8


def test_memory_is_shared_both_ways() -> None:
    module = nn.Linear(2, 3)
    layer = TorchLayer(module)
    weight, bias = layer.parameters()
    weight.value -= 1.5
    bias.value[...] = 7
    assert np.array_equal(module.weight.detach().numpy(), weight.value)
    assert module.bias.tolist() == [7, 7, 7]
    with torch.no_grad():
        module.weight.zero_()
    assert not weight.value.any()


def test_gradients_are_added_and_torchs_own_are_left_alone() -> None:
    layer = TorchLayer(nn.Linear(2, 1))
    X = np.array([[2.0, 3.0]], dtype=np.float32)
    _, backprop = layer.forward(X)
    for times in (1, 2):  # the same forward may be gone back twice
        dX = backprop(np.ones((1, 1), dtype=np.float32))
        assert layer.parameters()[0].grad.tolist() == [[2.0 * times, 3.0 * times]]
        assert_same(dX, layer.parameters()[0].value)
    assert layer.module.weight.grad is None
    layer.zero_grad()
    assert not layer.parameters()[0].grad.any()


def test_names_are_torchs_and_tied_weights_come_once() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[1].weight = module[0].weight
    network = Sequential(TorchLayer(module), ReLU())
    names = [name for name, _ in network.named_parameters()]
    assert names == [
        "layers.0.module.0.weight", "layers.0.module.0.bias", "layers.0.module.1.bias",
    ]  # fmt: skip


def test_frozen_weights_are_no_parameters() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    layer = TorchLayer(module)
    assert [name for name, _ in layer.named_parameters()] == ["module.1.weight", "module.1.bias"]
    Y, backprop = layer.forward(normal(3, 2))
    assert np.abs(backprop(np.ones_like(Y))).max() > 0  # through it, the gradient goes on
    module.requires_grad_(False)
    bare = TorchLayer(module)
    assert bare.parameters() == []
    assert np.array_equal(bare(normal(3, 2)), Y)


def test_a_weight_without_influence_and_a_module_without_weights() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    layer = TorchLayer(Half())
    Y, backprop = layer.forward(np.ones((1, 2), dtype=np.float32))
    backprop(Y)
    grads = {name: parameter.grad for name, parameter in layer.named_parameters()}
    assert grads["module.used.bias"].any()
    assert not grads["module.unused.weight"].any()
    bare = TorchLayer(nn.Tanh())
    assert bare.parameters() == []
    assert max(check_layer(bare, normal(2, 3)).values()) < 1e-8


def test_whole_numbers_go_in_as_they_are() -> None:
    layer = TorchLayer(nn.Embedding(5, 3))
    ids = np.array([[1, 4, 1]])
    Y, backprop = layer.forward(ids)
    assert_same(Y, layer.parameters()[0].value[ids])
    dX = backprop(np.ones_like(Y))
    assert dX.shape == ids.shape
    assert not dX.any()
    assert layer.parameters()[0].grad.sum(axis=1).tolist() == [0, 6, 0, 0, 3]


def test_train_reaches_the_module() -> None:
    layer = TorchLayer(nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).double())
    X = 4 + normal(8, 3)
    plain = layer(X)
    np.testing.assert_allclose(plain, X, rtol=1e-4)  # the running mean is still 0
    torch.manual_seed(0)
    Y, _ = layer.forward(X, train=True)
    torch.manual_seed(0)
    expected = F.dropout(F.batch_norm(torch.tensor(X), None, None, training=True), 0.5)
    np.testing.assert_allclose(Y, expected.numpy(), atol=1e-12)
    assert (Y == 0).any()
    assert np.abs(layer(X) - plain).max() > 0.1  # and now it has moved


@pytest.mark.parametrize("inside", [False, True])
def test_astype_casts_the_module_and_memory_stays_shared(inside: bool) -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    layer = TorchLayer(module)
    (Sequential(layer) if inside else layer).astype(np.float64)
    X = normal(4, 2)
    Y, backprop = layer.forward(X)
    assert Y.dtype == backprop(Y).dtype == np.float64
    assert module[1].running_mean.dtype == torch.float64
    expected = F.batch_norm(
        F.linear(torch.tensor(X), module[0].weight, module[0].bias),
        module[1].running_mean, module[1].running_var, module[1].weight, module[1].bias,
    )  # fmt: skip
    np.testing.assert_allclose(Y, expected.detach().numpy(), atol=1e-12)
    layer.parameters()[0].value += 1
    assert np.array_equal(module[0].weight.detach().numpy(), layer.parameters()[0].value)


def test_a_copy_is_a_layer_of_its_own() -> None:
    layer = TorchLayer(nn.Linear(2, 2).double())
    X = normal(3, 2)
    before = layer(X)
    other = copy.deepcopy(layer)
    other.parameters()[0].value += 1
    assert_same(other(X), before + X.sum(axis=1, keepdims=True))
    assert_same(layer(X), before)


def test_an_optimizer_that_is_copied_along_moves_the_copy() -> None:
    layer = TorchLayer(nn.Linear(2, 1).double())
    layer.parameters()[0].grad[...] = 1
    before = layer.parameters()[0].value.copy()
    other, optimizer = copy.deepcopy((layer, SGD(layer.parameters(), 0.5)))
    optimizer.step()
    assert_same(other.module.weight.detach().numpy(), before - 0.5)
    assert_same(layer.module.weight.detach().numpy(), before)


@pytest.mark.parametrize("cast", [False, True])
def test_state_is_all_of_the_module_and_can_be_put_back(cast: bool) -> None:
    layer = TorchLayer(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    network = Sequential(layer)
    X = normal(8, 2)
    if cast:
        network.astype(np.float64)
        layer(X)
    kept, before = state_of(network), layer(X)
    assert len(kept) == len(layer.module.state_dict()) == 7
    layer.forward(5 * X, train=True)  # moves the running averages
    layer.parameters()[0].value += 1
    assert np.abs(layer(X) - before).max() > 0.1
    restore(network, kept)
    assert_same(layer(X), before)


def test_floats_are_cast_to_the_modules_type() -> None:
    layer = TorchLayer(nn.Linear(2, 2))
    X = normal(3, 2)
    Y, backprop = layer.forward(X)
    assert Y.dtype == np.float32
    assert backprop(np.ones_like(Y)).dtype == np.float32
    half = X.astype(np.float32)
    assert np.array_equal(layer(half), Y)
    X.flags.writeable = False
    Y, backprop = layer.forward(X[::-1])  # neither a read-only nor a reversed array is a matter
    backprop(np.broadcast_to(np.float32(1), Y.shape)[::-1])


def test_a_result_can_be_had_under_no_grad() -> None:
    layer = TorchLayer(nn.Linear(2, 2))
    with torch.no_grad():
        Y, backprop = layer.forward(np.ones((1, 2), dtype=np.float32))
    backprop(Y)
    assert layer.parameters()[1].grad.any()


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Linear(2, 2).bfloat16(), "Linear: weight is torch.bfloat16 on cpu; NumPy shares"),
        (nn.Linear(2, 2, device="meta"), "Linear: weight is torch.float32 on meta; NumPy"),
    ],
)
def test_weights_that_numpy_cannot_see_are_refused(module: nn.Module, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)) as caught:
        TorchLayer(module)
    assert "Wrap module.float().cpu()" in str(caught.value)


def test_more_than_one_output_is_refused() -> None:
    layer = TorchLayer(nn.LSTM(2, 2))
    with pytest.raises(ConfigError, match="LSTM gives a tuple; a layer gives one array"):
        layer.forward(np.ones((1, 1, 2), dtype=np.float32))
