"""Every layer of the core through one harness: construct, forward, backward, precision, state."""

import copy
import importlib
import inspect
from collections.abc import Callable

import numpy as np
import pytest

from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.layer import Layer
from hfdl.foundations.state import restore, state_of

FILES = [
    "activations", "dense", "dropout", "batch_norm", "transformer.layer_norm", "words.embedding",
    "sequential",
]  # fmt: skip
MODULES = {name: importlib.import_module(f"hfdl.foundations.{name}") for name in FILES}
FOUND = {
    name: cls
    for module in MODULES.values()
    for name, cls in vars(module).items()
    if inspect.isclass(cls) and issubclass(cls, Layer) and cls.__module__ == module.__name__
}
FLOATS = np.random.default_rng(0).normal(size=(4, 3))


def elementwise() -> Layer:
    return FOUND["Elementwise"](np.sin, np.cos)


def sequential() -> Layer:
    return FOUND["Sequential"](FOUND["Dense"](3, 2, rng=0), FOUND["Tanh"](), FOUND["BatchNorm"](2))


# how it is made, and an input
CASES: dict[str, tuple[Callable[[], Layer], np.ndarray]] = {
    "Dense": (lambda: FOUND["Dense"](3, 2, rng=0), FLOATS),
    "Dropout": (lambda: FOUND["Dropout"](0.4, rng=0), FLOATS),
    "BatchNorm": (lambda: FOUND["BatchNorm"](3), FLOATS),
    "LayerNorm": (lambda: FOUND["LayerNorm"](3), FLOATS),
    "Embedding": (lambda: FOUND["Embedding"](5, 2, rng=0), np.array([[0, 4, 4], [1, 1, 0]])),
    "Sequential": (sequential, FLOATS),
    "Elementwise": (elementwise, FLOATS),
    **{
        name: (FOUND[name], FLOATS)
        for name in ("Step", "Identity", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "GELU",
                     "Softmax")
    },
}  # fmt: skip


def test_every_layer_has_a_case() -> None:
    assert set(CASES) == set(FOUND)
    assert len(CASES) == 16


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name: str, train: bool) -> None:
    make, X = CASES[name]
    layer = make()
    kept = X.copy()
    Y, backprop = layer.forward(X, train=train)
    dY = np.ones_like(Y)
    dX = backprop(dY)
    assert dX.shape == X.shape
    np.testing.assert_array_equal(X, kept)  # neither input nor gradient is written into
    np.testing.assert_array_equal(dY, np.ones_like(Y))
    first = [p.grad.copy() for p in layer.parameters()]
    backprop(dY)
    for p, grad in zip(layer.parameters(), first, strict=True):
        np.testing.assert_allclose(p.grad, 2 * grad, rtol=1e-12)  # added, not overwritten
    layer.zero_grad()
    assert not any(p.grad.any() for p in layer.parameters())
    errors = check_layer(make(), X, train=train)
    assert max(errors.values()) < 1e-7
    assert len(errors) == len(layer.parameters()) + (X.dtype == np.float64)


@pytest.mark.parametrize("name", CASES)
def test_two_passes_do_not_disturb_each_other(name: str) -> None:
    make, X = CASES[name]
    layer = make()
    dY = np.ones_like(layer(X))
    alone = layer.forward(X)[1](dY)
    _, backprop = layer.forward(X)
    layer.forward(X[::-1])
    np.testing.assert_array_equal(backprop(dY), alone)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays(name: str) -> None:
    make, X = CASES[name]
    layer = make().astype(np.float32)
    X = X.astype(np.float32) if X.dtype == np.float64 else X
    for train in (False, True):
        Y, backprop = layer.forward(X, train=train)
        assert Y.dtype == backprop(Y).dtype == np.float32
    assert {p.grad.dtype.name for p in layer.parameters()} <= {"float32"}


@pytest.mark.parametrize("name", CASES)
def test_state_and_copies(name: str) -> None:
    make, X = CASES[name]
    layer, twin = make(), make()
    layer.forward(X, train=True)
    for p in layer.parameters():
        p.value += 0.5
    restore(twin, state_of(layer))
    np.testing.assert_array_equal(twin(X), layer(X))
    np.testing.assert_array_equal(copy.deepcopy(layer)(X), layer(X))
