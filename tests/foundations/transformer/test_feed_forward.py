"""The feed-forward part, against torch and against central differences."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.foundations.activations import GELU, Tanh
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.transformer.feed_forward import FeedForward

NAMES = {"up_proj.W", "up_proj.b", "down_proj.W", "down_proj.b"}
sizes = st.integers(1, 5)


@given(sizes, sizes, sizes, sizes)
def test_equal_to_torch(B: int, T: int, width: int, hidden: int) -> None:
    layer = FeedForward(width, hidden, rng=B)
    assert {name for name, _ in layer.named_parameters()} == NAMES
    random = np.random.default_rng(T)
    X, dY = random.normal(size=(B, T, width)), random.normal(size=(B, T, width))
    for parameter in layer.parameters():
        parameter.value[...] = random.normal(size=parameter.value.shape)
    values = {n: torch.from_numpy(p.value).requires_grad_() for n, p in layer.named_parameters()}
    x = torch.from_numpy(X).requires_grad_()
    y = (x @ values["up_proj.W"] + values["up_proj.b"]).relu()
    y = y @ values["down_proj.W"] + values["down_proj.b"]
    (y * torch.from_numpy(dY)).sum().backward()
    Y, backprop = layer.forward(X)
    assert x.grad is not None
    np.testing.assert_allclose(Y, y.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(backprop(dY), x.grad.numpy(), rtol=0, atol=1e-10)
    for name, parameter in layer.named_parameters():
        gradient = values[name].grad
        assert gradient is not None
        np.testing.assert_allclose(parameter.grad, gradient.numpy(), rtol=0, atol=1e-10)


def test_against_central_differences_with_dropout() -> None:
    X = np.random.default_rng(1).normal(size=(2, 3, 4))
    for activation in (GELU(), Tanh()):
        layer = FeedForward(4, 7, activation=activation, dropout=0.4, rng=0)
        for train in (False, True):
            errors = check_layer(layer, X, train=train)
            assert set(errors) == {"X", *NAMES}
            assert max(errors.values()) < 1e-8


def test_the_hidden_numbers_are_dropped_and_not_the_output() -> None:
    layer = FeedForward(3, 50, dropout=0.5, rng=0)
    X = np.ones((4, 2, 3))
    dropped = layer.forward(X, train=True)[0]
    assert (dropped != layer(X)).all()
    assert len(np.unique(dropped)) == dropped.size  # each step has a mask of its own
