"""Activations against their written formulas and transformers' ACT2FN."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from transformers.activations import ACT2FN

from hfdl.errors import ConfigError
from hfdl.nn.activations import ACTIVATIONS, activation, gelu, gelu_tanh

X = torch.cat([torch.linspace(-9, 9, 181), torch.tensor([-40.0, 0.0, 40.0])]).double()


def gelu_formula(x: Tensor) -> Tensor:
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh_formula(x: Tensor) -> Tensor:
    return x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def silu_formula(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def tanh_formula(x: Tensor) -> Tensor:
    return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())


def relu_formula(x: Tensor) -> Tensor:
    return x * (x > 0)


FORMULAS = {
    "relu": relu_formula,
    "gelu": gelu_formula,
    "gelu_python": gelu_formula,
    "gelu_new": gelu_tanh_formula,
    "gelu_fast": gelu_tanh_formula,
    "gelu_pytorch_tanh": gelu_tanh_formula,
    "gelu_python_tanh": gelu_tanh_formula,
    "silu": silu_formula,
    "swish": silu_formula,
    "tanh": tanh_formula,
}


def test_every_name_has_a_formula_here() -> None:
    assert FORMULAS.keys() == ACTIVATIONS.keys()
    assert len(FORMULAS) == 10


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_gradients_are_those_of_the_formula(name: str) -> None:
    ours, formula = X.clone().requires_grad_(), X.clone().requires_grad_()
    out, wanted = activation(name)(ours), FORMULAS[name](formula)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-13)
    upstream = torch.linspace(0.5, 2, len(X), dtype=torch.float64)
    out.backward(upstream)
    wanted.backward(upstream)
    torch.testing.assert_close(ours.grad, formula.grad, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_those_of_transformers(name: str) -> None:
    # transformers' gelu_fast has sqrt(2 / pi) to ten digits.
    tolerance = 1e-9 if name == "gelu_fast" else 1e-13
    torch.testing.assert_close(activation(name)(X), ACT2FN[name](X), rtol=0, atol=tolerance)


def test_the_two_gelus_are_not_one() -> None:
    difference = (gelu(X) - gelu_tanh(X)).abs().max()
    assert 1e-4 < difference < 5e-4


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown activation 'gelu_nwe'; hfdl.nn has relu, gelu"):
        activation("gelu_nwe")
    with pytest.raises(ConfigError, match=r"Did you mean 'gelu_new'\?$"):
        activation("gelu_nwe")
