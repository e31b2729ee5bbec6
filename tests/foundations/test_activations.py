"""Activations and their derivatives: torch, central differences, large numbers, precision."""

import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.foundations import activations as a
from hfdl.foundations.activations import Elementwise
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.layer import Layer

F = torch.nn.functional
# layer, function, derivative, torch's function
CASES: dict[str, tuple[Layer, Callable, Callable, Callable]] = {
    "step": (a.Step(), a.step, a.step_derivative, lambda x: (x > 0) + 0.0 * x),
    "identity": (a.Identity(), a.identity, a.identity_derivative, lambda x: x),
    "sigmoid": (a.Sigmoid(), a.sigmoid, a.sigmoid_derivative, torch.sigmoid),
    "tanh": (a.Tanh(), a.tanh, a.tanh_derivative, torch.tanh),
    "relu": (a.ReLU(), a.relu, a.relu_derivative, torch.relu),
    "leaky_relu": (a.LeakyReLU(), a.leaky_relu, a.leaky_relu_derivative, F.leaky_relu),
    "elu": (a.ELU(), a.elu, a.elu_derivative, F.elu),
    "gelu": (a.GELU(), a.gelu, a.gelu_derivative, F.gelu),
}
shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)


def test_every_activation_is_among_the_cases() -> None:
    layers = {c for c in vars(a).values() if isinstance(c, type) and issubclass(c, Elementwise)}
    assert {type(case[0]) for case in CASES.values()} == layers - {Elementwise}
    assert len(CASES) == 8


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=20)
@given(shapes)
def test_against_torch_and_differences(name: str, shape: tuple[int, ...]) -> None:
    layer, function, derivative, reference = CASES[name]
    X = 2.0 * np.random.default_rng(len(shape)).standard_normal(shape)
    assert_equals_torch(layer, X, lambda x, p: reference(x), tolerance=1e-14)
    np.testing.assert_array_equal(layer(X), function(X))
    away = np.asarray(np.where(np.abs(X) < 1e-3, 0.5, X))  # from the kink
    numeric = central_differences(lambda x: np.sum(function(x)), away)
    np.testing.assert_allclose(derivative(away), numeric, rtol=0, atol=1e-7)
    if X.size < 30:
        assert_passes_differences(layer, away)


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_other_slopes(slope: float) -> None:
    X = np.linspace(-3, 3, 14).reshape(2, 7)
    assert_equals_torch(a.LeakyReLU(slope), X, lambda x, p: F.leaky_relu(x, slope), tolerance=1e-15)
    assert_equals_torch(a.ELU(slope), X, lambda x, p: F.elu(x, slope), tolerance=1e-15)
    assert_passes_differences(a.ELU(slope), X)


@pytest.mark.parametrize("name", CASES)
def test_at_zero_the_derivative_is_torchs(name: str) -> None:
    *_, derivative, reference = CASES[name]
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    reference(x).backward()
    assert derivative(np.zeros(1)) == pytest.approx(x.grad.numpy(), abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*CASES, "softmax"])
def test_stable_for_ten_thousand_and_the_precision_stays(name: str, dtype: type) -> None:
    X = np.array([[-1e4, -40.0, 0.0], [1e4, 1e30, -1e30]], dtype)
    layer = a.Softmax() if name == "softmax" else CASES[name][0]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        Y, backprop = layer.forward(X)
        dX = backprop(np.ones_like(Y))
    assert Y.dtype == dX.dtype == dtype
    assert np.isfinite(Y).all()
    assert np.isfinite(dX).all()
    if name != "softmax":
        reference = torch.from_numpy(X).requires_grad_()
        expected = CASES[name][3](reference)
        expected.sum().backward()
        bound = 1e-6 if dtype == np.float32 else 1e-15
        np.testing.assert_allclose(Y, expected.detach().numpy(), rtol=bound, atol=bound)
        np.testing.assert_allclose(dX, reference.grad.numpy(), rtol=bound, atol=bound)


@pytest.mark.parametrize("name", CASES)
def test_plain_and_whole_numbers_are_taken(name: str) -> None:
    layer, function, derivative, _ = CASES[name]
    for x in (-1, 2, -0.5):
        assert float(function(x)) == pytest.approx(float(function(np.array([float(x)]))[0]))
    whole = np.array([-2, 0, 3])
    for of in (function, derivative, layer):
        np.testing.assert_array_equal(of(whole), of(whole.astype(float)))
        assert of(whole).dtype == np.float64


def test_every_digit_of_the_tails() -> None:
    """Where the plain formulas cancel to 0 or 1, against 40 digits of mpmath."""
    mpmath.mp.dps = 40
    for x in (-30.0, -8.5, -1.0, -1e-9, 1e-9, 0.3, 8.5, 45.0, -700.0):
        m = mpmath.mpf(x)
        s = 1 / (1 + mpmath.exp(-m))
        exact = {
            a.sigmoid: s,
            a.sigmoid_derivative: s * (1 - s) if abs(x) < 50 else mpmath.exp(-abs(m)),
            a.tanh_derivative: 1 / mpmath.cosh(m) ** 2,
            a.gelu: m * mpmath.erfc(-m / mpmath.sqrt(2)) / 2,
            a.elu: m if x > 0 else mpmath.expm1(m),
        }
        for function, value in exact.items():
            found = float(function(np.array([x]))[0])
            assert found == pytest.approx(float(value), rel=1e-12, abs=1e-300), (function, x)


def test_gelu_is_exact_to_1e_12() -> None:
    x = np.linspace(-12, 12, 4801)
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x]
    np.testing.assert_allclose(a.gelu(x), expected, rtol=0, atol=1e-14)


def test_softmax_of_one_two_three() -> None:
    for Y in (a.softmax([1, 2, 3]), a.Softmax()(np.array([1, 2, 3]))):
        np.testing.assert_allclose(Y, [0.09, 0.24, 0.67], atol=5e-3)
        assert Y.dtype == np.float64


@settings(max_examples=30)
@given(st.lists(st.integers(1, 4), max_size=2), st.integers(1, 6))
def test_softmax_against_torch_and_its_jacobian(lead: list[int], classes: int) -> None:
    X = 3.0 * np.random.default_rng(classes).standard_normal((*lead, classes))
    assert_equals_torch(a.Softmax(), X, lambda x, p: x.softmax(-1), tolerance=1e-14)
    assert_passes_differences(a.Softmax(), X)
    Y, backprop = a.Softmax().forward(X)
    dY = np.random.default_rng(0).standard_normal(Y.shape)
    through = np.einsum("...i,...ij->...j", dY, a.softmax_jacobian(X))
    np.testing.assert_allclose(backprop(dY), through, rtol=0, atol=1e-15)


def test_the_facts_that_the_docstrings_state() -> None:
    x = np.linspace(-5, 5, 101)
    assert a.sigmoid_derivative(x).max() == 0.25 == a.sigmoid_derivative(0.0)
    np.testing.assert_allclose(a.tanh(x), 2 * a.sigmoid(2 * x) - 1, atol=1e-15)
    np.testing.assert_allclose(a.tanh_derivative(x), 1 - np.tanh(x) ** 2, atol=1e-15)
    assert not a.step_derivative(x).any()
