"""The layer in int8, against the same arithmetic in NumPy's integers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hfdl.quantization.int8_linear import ROWS, Int8Linear, multiplies_exactly, quantised_rows


def rounded(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as integers from -127 to 127, and the scale of each."""
    scale = np.abs(rows).max(axis=1, keepdims=True).astype(np.float32) / np.float32(127)
    scale[scale == 0] = 1
    return np.rint(rows / scale).astype(np.int64), scale


def reference(x: np.ndarray, linear: nn.Linear) -> np.ndarray:
    """The quantised product: exact in integers, then scaled in float64."""
    integers, scale = rounded(x)
    weights, channel = rounded(linear.weight.detach().numpy())
    product = (integers @ weights.T).astype(np.float64)  # (N, O)
    answer = product * scale.astype(np.float64) * channel.astype(np.float64).T
    return answer if linear.bias is None else answer + linear.bias.detach().numpy()


@pytest.mark.parametrize("tokens", [1, 2, 7, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(1, 1), (3, 5), (48, 7), (129, 64)])
def test_it_is_the_product_of_the_integers(tokens: int, bias: bool, sizes: tuple[int, int]) -> None:
    torch.manual_seed(tokens)
    linear = nn.Linear(*sizes, bias=bias)
    x = torch.randn(tokens, sizes[0]) * torch.logspace(-6, 6, tokens)[:, None]
    with torch.inference_mode():
        found = Int8Linear(linear)(x)
    expected = reference(x.numpy(), linear)
    # Product and bias may cancel: what is left is as exact as they are.
    added = 0.0 if linear.bias is None else linear.bias.detach().numpy()
    size = np.abs(expected - added).max(axis=1, keepdims=True) + np.abs(added).max() + 1e-30
    assert found.dtype == torch.float32
    assert (np.abs(found.numpy() - expected) / size).max() < 2e-6


def test_it_is_close_to_the_layer_that_it_stands_for() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(256, 128), torch.randn(40, 256)
    with torch.inference_mode():
        found, own = Int8Linear(linear)(x), linear(x)
    assert 0 < (found - own).norm() / own.norm() < 0.02


def test_a_token_is_answered_alike_in_any_batch() -> None:
    torch.manual_seed(0)
    layer, x = Int8Linear(nn.Linear(64, 32)), torch.randn(3, 300, 64)
    x[0, 5] *= 1e4  # a token whose numbers are far larger than its neighbours'
    with torch.inference_mode():
        together = layer(x)
        alone = torch.stack([torch.stack([layer(token) for token in row]) for row in x])
    assert together.shape == (3, 300, 32)
    assert torch.equal(together, alone)


def test_layers_that_share_an_input_answer_as_each_alone() -> None:
    torch.manual_seed(0)
    layers = [Int8Linear(nn.Linear(48, size, bias=size != 5)) for size in (7, 5, 64)]
    x = torch.randn(3, 200, 48)
    with torch.inference_mode():
        together = layers[0].together(x, *layers[1:])
        alone = [layer(x) for layer in layers]
    assert [found.shape[-1] for found in together] == [7, 5, 64]
    assert all(map(torch.equal, together, alone))


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_integers_give_the_numbers_back(seed: int, width: int) -> None:
    values = torch.randn(4, width, generator=torch.Generator().manual_seed(seed))
    integers, scale = quantised_rows(values)
    assert integers.dtype == torch.int8
    assert integers.abs().max() == 127  # the largest number of a row is met exactly
    assert ((integers * scale - values).abs() <= scale * 0.5001).all()


def test_rows_of_zeros_and_of_no_numbers() -> None:
    torch.manual_seed(0)
    layer = Int8Linear(nn.Linear(8, 4))
    x = torch.zeros(4, 8)
    x[1, 3], x[2, 3], x[3] = torch.nan, torch.inf, torch.full((8,), 1e-38)
    with torch.inference_mode():
        found = layer(x)
        none = layer(torch.zeros(0, 8))
    assert torch.equal(found[0], layer.bias)
    assert not found[1].isfinite().any()
    assert not found[2].isfinite().any()
    assert torch.allclose(found[3], layer.bias)
    assert none.shape == (0, 4)


def test_half_precision_stays_what_it_is() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(16, 8), torch.randn(5, 16)
    with torch.inference_mode():
        full, half = Int8Linear(linear)(x.bfloat16().float()), Int8Linear(linear)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert torch.equal(half, full.bfloat16())


def test_the_weight_can_be_read_and_takes_a_quarter() -> None:
    linear = nn.Linear(64, 32)
    layer = Int8Linear(linear)
    step = layer.scale[:, None]
    assert ((layer.weight - linear.weight).abs() <= step * 0.5001).all()
    assert layer.quantised.element_size() * layer.quantised.numel() == 64 * 32
    assert not list(layer.parameters(recurse=False)) or layer.bias is linear.bias


def test_this_cpu_multiplies_exactly() -> None:
    assert multiplies_exactly()
