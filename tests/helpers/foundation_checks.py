"""Layers of hfdl.foundations against torch's autograd, in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.layer import Layer

TorchForward = Callable[[Tensor, dict[str, Tensor]], Tensor]


def assert_equals_torch(
    layer: Layer,
    X: np.ndarray,
    forward: TorchForward,
    *,
    train: bool = False,
    tolerance: float = 1e-10,
) -> None:
    """Output, input gradient and every parameter's gradient equal autograd's of ``forward``.

    ``forward`` gets the input and the layer's parameters by name, and is written with torch.
    """
    layer = copy.deepcopy(layer)
    parameters = {
        name: torch.from_numpy(p.value.copy()).requires_grad_()
        for name, p in layer.named_parameters()
    }
    x = torch.from_numpy(np.array(X))
    moves = x.is_floating_point()
    x.requires_grad_(moves)
    expected = forward(x, parameters)
    Y, backprop = layer.forward(X, train=train)
    assert Y.shape == tuple(expected.shape)
    np.testing.assert_allclose(Y, expected.detach().numpy(), rtol=0, atol=tolerance)
    dY = np.random.default_rng(7).standard_normal(Y.shape)
    layer.zero_grad()
    dX = backprop(dY)
    assert dX.shape == X.shape
    expected.backward(torch.from_numpy(dY))
    if moves:
        assert x.grad is not None
        np.testing.assert_allclose(dX, x.grad.numpy(), rtol=0, atol=tolerance)
    for name, p in layer.named_parameters():
        grad = parameters[name].grad
        assert grad is not None, f"torch's forward does not use {name}"
        np.testing.assert_allclose(p.grad, grad.numpy(), rtol=0, atol=tolerance, err_msg=name)


def assert_passes_differences(
    layer: Layer, X: np.ndarray, *, train: bool = False, bound: float = 1e-7
) -> None:
    """Every gradient is within ``bound`` of central differences, and all were looked at."""
    errors = check_layer(layer, X, train=train)
    names = [name for name, _ in layer.named_parameters()]
    floats = np.issubdtype(X.dtype, np.floating)
    assert list(errors) == (["X"] if floats else []) + names
    assert max(errors.values()) < bound, errors
