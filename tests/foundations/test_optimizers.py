"""Optimisers against torch.optim over 100 steps of a small network, each on its own gradients."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from hfdl.errors import ConfigError
from hfdl.foundations import optimizers
from hfdl.foundations.activations import Tanh
from hfdl.foundations.dense import Dense
from hfdl.foundations.layer import Parameter
from hfdl.foundations.losses import mse
from hfdl.foundations.optimizers import (
    SGD,
    Adam,
    AdamW,
    AveragedMomentum,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
)
from hfdl.foundations.schedules import cosine_decay
from hfdl.foundations.sequential import Sequential

T = torch.optim
CASES: dict[str, tuple[Callable, Callable]] = {
    "sgd": (lambda p: SGD(p, 0.1), lambda p: T.SGD(p, 0.1)),
    "sgd, decay": (
        lambda p: SGD(p, 0.1, weight_decay=0.02),
        lambda p: T.SGD(p, 0.1, weight_decay=0.02),
    ),
    "momentum": (lambda p: Momentum(p, 0.05), lambda p: T.SGD(p, 0.05, momentum=0.9)),
    "momentum, decay": (
        lambda p: Momentum(p, 0.05, momentum=0.5, weight_decay=0.1),
        lambda p: T.SGD(p, 0.05, momentum=0.5, weight_decay=0.1),
    ),
    "averaged momentum": (
        lambda p: AveragedMomentum(p, 0.5),
        lambda p: T.SGD(p, 0.05, momentum=0.9),
    ),
    "nesterov": (
        lambda p: Nesterov(p, 0.05),
        lambda p: T.SGD(p, 0.05, momentum=0.9, nesterov=True),
    ),
    "rmsprop": (lambda p: RMSProp(p), lambda p: T.RMSprop(p)),
    "rmsprop, settings": (
        lambda p: RMSProp(p, 0.02, beta=0.9, eps=1e-4, weight_decay=0.1),
        lambda p: T.RMSprop(p, 0.02, alpha=0.9, eps=1e-4, weight_decay=0.1),
    ),
    "adam": (lambda p: Adam(p), lambda p: T.Adam(p)),
    "adam, settings": (
        lambda p: Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.1),
        lambda p: T.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.1),
    ),
    "adamw": (lambda p: AdamW(p), lambda p: T.AdamW(p)),
    "adamw, settings": (
        lambda p: AdamW(p, 0.02, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.3),
        lambda p: T.AdamW(p, 0.02, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.3),
    ),
}


def test_every_optimiser_is_among_the_cases() -> None:
    classes = {getattr(optimizers, name) for name in optimizers.__all__} - {Optimizer}
    assert {type(ours([Parameter(np.ones(1))])) for ours, _ in CASES.values()} == classes
    assert len(classes) == 7


def network() -> Sequential:
    random = np.random.default_rng(0)
    return Sequential(Dense(3, 5, rng=random), Tanh(), Dense(5, 2, rng=random))


def torch_twin(ours: Sequential) -> torch.nn.Sequential:
    twin = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))
    twin = twin.double()
    with torch.no_grad():
        for linear, dense in ((twin[0], ours.layers[0]), (twin[2], ours.layers[2])):
            linear.weight.copy_(torch.from_numpy(dense.W.value.T))
            linear.bias.copy_(torch.from_numpy(dense.b.value))
    return twin


def weights(net: Sequential | torch.nn.Sequential) -> list[np.ndarray]:
    if isinstance(net, Sequential):
        return [p.value for p in net.parameters()]
    return [p.detach().numpy().T for p in net.parameters()]


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_trajectory_is_torchs(name: str, scheduled: bool) -> None:
    make, make_torch = CASES[name]
    random = np.random.default_rng(1)
    X, target = random.normal(size=(8, 3)), random.normal(size=(8, 2))
    ours = network()
    theirs = torch_twin(ours)
    optimizer, reference = make(ours.parameters()), make_torch(theirs.parameters())
    rate, torch_rate = optimizer.learning_rate, reference.param_groups[0]["lr"]
    start, losses = [w.copy() for w in weights(ours)], []
    for step in range(100):
        if scheduled:
            share = cosine_decay(step, rate=1.0, steps=100)
            optimizer.learning_rate = rate * share
            reference.param_groups[0]["lr"] = torch_rate * share
        prediction, backprop = ours.forward(X)
        optimizer.zero_grad()
        backprop(mse(prediction, target)[1]())
        optimizer.step()
        reference.zero_grad()
        loss = torch.nn.functional.mse_loss(theirs(torch.from_numpy(X)), torch.from_numpy(target))
        loss.backward()
        reference.step()
        losses.append(loss.item())
        for found, expected in zip(weights(ours), weights(theirs), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
    moved = [np.abs(a - b).min() for a, b in zip(start, weights(ours), strict=True)]
    assert min(moved) > 1e-5
    assert losses[-1] < losses[0]


def test_the_notes_momentum_is_torchs_at_a_tenth_of_the_rate() -> None:
    """v = 0.9 v + 0.1 g, started at zero, by hand."""
    parameter = Parameter(np.array([1.0]))
    optimizer = AveragedMomentum([parameter], 0.5)
    w, v = 1.0, 0.0
    for gradient in (2.0, -1.0, 0.5):
        parameter.grad[...] = gradient
        optimizer.step()
        v = 0.9 * v + 0.1 * gradient
        w -= 0.5 * v
        assert parameter.value[0] == pytest.approx(w, abs=1e-15)


def test_the_first_step_of_adam_is_the_learning_rate() -> None:
    parameter = Parameter(np.array([1.0, 1.0, 1.0]))
    parameter.grad[...] = [1e3, -1e-3, 0.0]
    Adam([parameter], 0.1).step()
    np.testing.assert_allclose(parameter.value, [0.9, 1.1, 1.0], atol=1e-5)


def test_decay_beside_and_inside_the_averages() -> None:
    """With no gradient, AdamW shrinks weights by their share; Adam's decay takes whole steps."""
    for cls, expected in ((AdamW, 1.0 - 0.1 * 0.01), (Adam, 0.9)):
        parameter = Parameter(np.array([1.0]))
        cls([parameter], 0.1, weight_decay=0.01).step()
        assert parameter.value[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_in_place_float32_and_gradients_are_left_alone(name: str) -> None:
    parameter = Parameter(np.ones((2, 2), np.float32))
    value = parameter.value
    optimizer = CASES[name][0]([parameter])
    for _ in range(3):
        parameter.grad[...] = 0.5
        optimizer.step()
        assert (parameter.grad == 0.5).all()
    assert parameter.value is value
    assert value.dtype == np.float32
    assert (value < 1).all()
    optimizer.zero_grad()
    assert not parameter.grad.any()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: SGD([], 0.1), "SGD was given no parameters"),
        (lambda p: SGD(p, -0.1), "SGD: learning_rate is -0.1; it is 0 or more"),
        (lambda p: SGD(p, float("nan")), "SGD: learning_rate is nan"),
        (lambda p: Adam(p, 0.1, weight_decay=-1), "Adam: weight_decay is -1; it is 0 or more"),
        (lambda p: Momentum(p, 0.1, momentum=1.0), "Momentum: momentum is 1.0; it is from 0 to"),
        (lambda p: RMSProp(p, beta=-0.5), "RMSProp: beta is -0.5; it is from 0 to below 1"),
        (lambda p: RMSProp(p, eps=0.0), "RMSProp: eps is 0.0; it is above 0"),
        (lambda p: AdamW(p, betas=(0.9, 1.0)), "AdamW: beta is 1.0; it is from 0 to below 1"),
        (lambda p: Adam(p, eps=-1.0), "Adam: eps is -1.0; it is above 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make([Parameter(np.ones(1))])
