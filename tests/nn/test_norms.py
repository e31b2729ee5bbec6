"""Norms against NumPy, torch's modules and transformers' Llama."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.wording import assert_wording
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from hfdl.errors import ShapeError
from hfdl.nn.norms import LayerNorm, RMSNorm, layer_norm, rms_norm

SHAPES = [(1,), (7,), (3, 1), (2, 5, 8), (0, 4), (4, 2, 3, 6)]
F64 = torch.float64


def drawn(shape: tuple[int, ...], dtype: torch.dtype = F64) -> tuple[Tensor, Tensor, Tensor]:
    """x far from standard, a weight and a bias that differ in each column."""
    torch.manual_seed(0)
    weight, bias = torch.randn(2, shape[-1], dtype=F64)
    return (torch.randn(shape, dtype=F64) * 3 + 5).to(dtype), weight.to(dtype), bias.to(dtype)


def filled(norm: nn.Module, weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    """A norm with these weights, in their type."""
    norm.to(weight.dtype).load_state_dict(
        {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    )
    return norm


def gradients(norm: nn.Module, x: Tensor) -> list[Tensor]:
    """Of the input and of every parameter, for one upstream gradient."""
    x = x.clone().requires_grad_()
    out = norm(x)
    upstream = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view(out.shape)
    return list(torch.autograd.grad(out, [x, *norm.parameters()], upstream))


@pytest.mark.parametrize("eps", [1e-12, 1e-5, 0.1])
@pytest.mark.parametrize("shape", SHAPES)
def test_formulas_are_those_of_numpy(shape: tuple[int, ...], eps: float) -> None:
    x, weight, bias = drawn(shape)
    a, w, b = x.numpy(), weight.numpy(), bias.numpy()
    standard = (a - a.mean(-1, keepdims=True)) / np.sqrt(a.var(-1, keepdims=True) + eps)
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(layer_norm(x, weight, bias, eps), standard * w + b, **close)
    np.testing.assert_allclose(layer_norm(x, weight, None, eps), standard * w, **close)
    scaled = a / np.sqrt((a**2).mean(-1, keepdims=True) + eps)
    np.testing.assert_allclose(rms_norm(x, weight, eps), scaled * w, **close)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_layer_norm_is_its_formula_and_torchs(shape: tuple[int, ...], with_bias: bool) -> None:
    x, weight, bias = drawn(shape)
    parts = (weight, bias) if with_bias else (weight, None)
    ours = filled(LayerNorm(shape[-1], 1e-5, bias=with_bias), *parts)
    theirs = filled(nn.LayerNorm(shape[-1], 1e-5, bias=with_bias), *parts)
    torch.testing.assert_close(ours(x), layer_norm(x, *parts, 1e-5), rtol=0, atol=1e-12)
    assert torch.equal(ours(x), theirs(x))
    for a, b in zip(gradients(ours, x), gradients(theirs, x), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("shape", SHAPES)
def test_rms_norm_is_torchs_in_float64(shape: tuple[int, ...]) -> None:
    x, weight, _ = drawn(shape)
    ours = filled(RMSNorm(shape[-1], 1e-6), weight)
    theirs = filled(nn.RMSNorm(shape[-1], 1e-6), weight)
    assert torch.equal(ours(x), rms_norm(x, weight, 1e-6))
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)
    for a, b in zip(gradients(ours, x), gradients(theirs, x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", SHAPES)
def test_rms_norm_is_llamas_bit_for_bit(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x, weight, _ = drawn(shape, dtype)
    ours = filled(RMSNorm(shape[-1], 1e-5), weight)
    theirs = filled(LlamaRMSNorm(shape[-1], 1e-5), weight)
    assert ours(x).dtype == dtype
    assert torch.equal(ours(x), theirs(x))
    for a, b in zip(gradients(ours, x), gradients(theirs, x), strict=True):
        assert torch.equal(a, b)


def test_llama_rounds_float64_to_float32_and_this_does_not() -> None:
    x, weight, _ = drawn((3, 64))
    ours, theirs = filled(RMSNorm(64), weight), filled(LlamaRMSNorm(64), weight)
    difference = (ours(x) - theirs(x)).abs().max()
    assert 0 < difference < 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_large_half_numbers_do_not_overflow_inside(dtype: torch.dtype) -> None:
    x = torch.full((2, 4), 3e4, dtype=dtype)  # its square is beyond float16
    weight = torch.ones(4, dtype=dtype)
    torch.testing.assert_close(rms_norm(x, weight, 1e-6), torch.ones(2, 4, dtype=dtype))
    x[:, :2] *= -1
    wanted = x.sign()
    torch.testing.assert_close(layer_norm(x, weight, None, 1e-6), wanted)
    torch.testing.assert_close(filled(LayerNorm(4, bias=False), weight)(x), wanted)
    assert layer_norm(x, weight, None, 1e-6).dtype == dtype


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
def test_gradients_by_differences(norm: type[nn.Module]) -> None:
    x, weight, _ = drawn((2, 5))
    module = norm(5, 1e-5).double()
    module.get_parameter("weight").data.copy_(weight)
    assert torch.autograd.gradcheck(module, (x.requires_grad_(),))


def test_first_weights_change_nothing_and_names_are_those_transformers_looks_for() -> None:
    layer, rms = LayerNorm(6), RMSNorm(6)
    x, _, _ = drawn((2, 6), torch.float32)
    assert torch.equal(layer(x), F.layer_norm(x, (6,)))
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert list(LayerNorm(6, bias=False).state_dict()) == list(rms.state_dict()) == ["weight"]
    assert "LayerNorm" in type(layer).__name__
    assert "RMSNorm" in type(rms).__name__
    assert repr(layer) == "LayerNorm(6, eps=1e-05, bias=True)"
    assert repr(rms) == "RMSNorm(6, eps=1e-06)"


@pytest.mark.parametrize("norm", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("shape", [(2, 1), (2, 7), ()])
def test_another_width_is_refused(norm: type[nn.Module], shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        norm(6)(torch.ones(shape))
    assert_wording(caught.value)
