"""Convolution against torch, a loop over every pixel, and central differences."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hfdl.errors import ShapeError
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.vision.convolution import Conv1d, Conv2d, col2im, im2col
from hfdl.foundations.vision.windows import output_size

BOUND = 1e-10


@st.composite
def geometries(draw: st.DrawFn, axes: int = 2) -> dict[str, Any]:
    """Sizes of a convolution that fits; each direction has its own."""
    kernel = [draw(st.integers(1, 4)) for _ in range(axes)]
    stride = [draw(st.integers(1, 3)) for _ in range(axes)]
    padding = [draw(st.integers(0, 2)) for _ in range(axes)]
    fits = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    size = [draw(st.integers(least, least + 6)) for least in fits]
    return {
        "batch": draw(st.integers(1, 3)), "inputs": draw(st.integers(1, 3)),
        "outputs": draw(st.integers(1, 3)), "size": tuple(size), "kernel": tuple(kernel),
        "stride": tuple(stride), "padding": tuple(padding),
    }  # fmt: skip


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def with_bias(layer: Any, seed: int = 5) -> Any:
    """A bias that is not 0, or a mistake in it would not show."""
    for parameter in layer.parameters():
        parameter.value[...] = normal(*parameter.value.shape, seed=seed)
        parameter.grad[...] = 1.0  # backward adds to what is there
    return layer


def assert_close(ours: Any, theirs: torch.Tensor | None) -> None:
    assert theirs is not None
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=BOUND)


@given(geometries())
def test_conv2d_and_its_gradients_equal_torch(g: dict[str, Any]) -> None:
    layer = with_bias(Conv2d(g["inputs"], g["outputs"], g["kernel"], stride=g["stride"],
                             padding=g["padding"], rng=0))  # fmt: skip
    X = normal(g["batch"], g["inputs"], *g["size"])
    x, w, b = (torch.tensor(a, requires_grad=True) for a in (X, layer.W.value, layer.b.value))
    theirs = F.conv2d(x, w, b, stride=g["stride"], padding=g["padding"])
    Y, backprop = layer.forward(X)
    assert_close(Y, theirs)
    dY = normal(*Y.shape, seed=1)
    theirs.backward(torch.tensor(dY))
    assert_close(backprop(dY), x.grad)
    assert_close(layer.W.grad - 1, w.grad)
    assert_close(layer.b.grad - 1, b.grad)


@given(geometries(axes=1))
def test_conv1d_and_its_gradients_equal_torch(g: dict[str, Any]) -> None:
    (kernel,), (stride,), (padding,) = g["kernel"], g["stride"], g["padding"]
    layer = Conv1d(g["inputs"], g["outputs"], kernel, stride=stride, padding=padding, rng=0)
    W, b = (p.value for p in with_bias(layer).parameters())  # W (O, C, 1, K)
    X = normal(g["batch"], g["inputs"], *g["size"])
    x, w, bias = (torch.tensor(a, requires_grad=True) for a in (X, W[:, :, 0], b))
    theirs = F.conv1d(x, w, bias, stride=stride, padding=padding)
    Y, backprop = layer.forward(X)
    assert_close(Y, theirs)
    dY = normal(*Y.shape, seed=1)
    theirs.backward(torch.tensor(dY))
    assert_close(backprop(dY), x.grad)
    assert_close(layer.parameters()[0].grad[:, :, 0] - 1, w.grad)
    assert_close(layer.parameters()[1].grad - 1, bias.grad)


def test_conv2d_is_the_sum_that_its_docstring_writes() -> None:
    layer = with_bias(Conv2d(2, 3, (2, 3), stride=(2, 1), rng=0))
    X = normal(2, 2, 5, 4)
    Y, W = layer(X), layer.W.value
    assert Y.shape == (2, 3, 2, 2)
    for b, o, r, s in np.ndindex(Y.shape):
        window = X[b, :, 2 * r : 2 * r + 2, s : s + 3]
        assert Y[b, o, r, s] == pytest.approx(layer.b.value[o] + np.sum(W[o] * window), abs=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2d(2, 3, 3, stride=2, padding=1, rng=0), (2, 2, 5, 6)),
        (Conv2d(1, 1, 1, rng=0), (1, 1, 1, 1)),
        (Conv1d(2, 3, 3, stride=2, padding=1, rng=0), (2, 2, 6)),
    ],
)
def test_gradients_pass_central_differences(layer: Any, shape: tuple[int, ...]) -> None:
    errors = check_layer(layer, normal(*shape))
    assert len(errors) == 3
    assert max(errors.values()) < 1e-7


@given(geometries())
def test_col2im_is_the_transpose_of_im2col(g: dict[str, Any]) -> None:
    size = tuple(n + 2 * p for n, p in zip(g["size"], g["padding"], strict=True))
    X = normal(g["batch"], g["inputs"], *size)
    columns = im2col(X, g["kernel"], g["stride"])
    C = normal(*columns.shape, seed=1)
    back = col2im(C, X.shape, g["kernel"], g["stride"])
    assert np.sum(columns * C) == pytest.approx(np.sum(X * back), abs=1e-9)


def test_a_pixel_under_no_window_has_no_gradient() -> None:
    layer = Conv2d(1, 1, 2, stride=2, rng=0)
    Y, backprop = layer.forward(normal(1, 1, 3, 3))  # the third row and column are left over
    dX = backprop(np.ones_like(Y))
    assert np.all(dX[0, 0, 2] == 0)
    assert np.all(dX[0, 0, :, 2] == 0)
    assert np.all(dX[0, 0, :2, :2] != 0)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 5), st.integers(0, 4))
def test_output_size_counts_the_stops(width: int, kernel: int, stride: int, padding: int) -> None:
    if kernel > width + 2 * padding:
        with pytest.raises(ShapeError):
            output_size(width, kernel, stride=stride, padding=padding)
        return
    stops = [n for n in range(0, width + 2 * padding, stride) if n + kernel <= width + 2 * padding]
    assert output_size(width, kernel, stride=stride, padding=padding) == len(stops)


def test_the_sizes_of_the_notes() -> None:
    assert output_size(5, 3) == 3
    assert output_size(5, 3, padding=1) == 5
    assert output_size(5, 3, stride=2) == 2


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((0, 1, 1, 0), "a width of 0; the width is 1 or more"),
        ((4, 0, 1, 0), "a kernel of 0; the kernel is 1 or more"),
        ((4, 1, 0, 0), "a stride of 0; the stride is 1 or more"),
        ((4, 1, 1, -1), "a padding of -1; the padding is 0 or more"),
        ((2, 5, 1, 1), "a kernel of 5 does not fit into 2 pixels with padding 1; the kernel is "
                       "at most width + 2 * padding, here 4. Use a smaller kernel"),
    ],
)  # fmt: skip
def test_impossible_sizes_are_refused(sizes: tuple[int, int, int, int], text: str) -> None:
    width, kernel, stride, padding = sizes
    with pytest.raises(ShapeError, match=re.escape(text)):
        output_size(width, kernel, stride=stride, padding=padding)


@pytest.mark.parametrize("kernel", [1, 3, (5, 1)])
def test_same_keeps_the_size(kernel: Any) -> None:
    assert Conv2d(1, 2, kernel, padding="same", rng=0)(normal(1, 1, 6, 7)).shape == (1, 2, 6, 7)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 2, "padding": "same"},
        {"kernel_size": 3, "padding": "same", "stride": 2},
        {"kernel_size": 3, "padding": "valid"},
    ],
)
def test_same_is_refused_where_there_is_no_middle(options: dict[str, Any]) -> None:
    with pytest.raises(ShapeError, match='"same" with an odd kernel and a stride of 1'):
        Conv2d(1, 1, **options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kernel_size": 0}, "kernel_size 0; kernel_size is a whole number of 1 or more, or two"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size (3, 3, 3); "),
        ({"kernel_size": 2.5}, "kernel_size 2.5; "),
        ({"kernel_size": True}, "kernel_size True; "),
        ({"kernel_size": 3, "stride": 0}, "stride 0; stride is a whole number of 1 or more"),
        ({"kernel_size": 3, "padding": -1}, "padding -1; padding is a whole number of 0 or more"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(text)):
        Conv2d(1, 1, **options)


def test_bad_inputs_are_refused() -> None:
    layer = Conv2d(2, 3, 3, rng=0)
    with pytest.raises(ShapeError, match=re.escape("shape (2, 5, 5); images are (batch, ")):
        layer.forward(normal(2, 5, 5))
    with pytest.raises(ShapeError, match=re.escape("got 1 channels, in an input of shape (4, 1")):
        layer.forward(normal(4, 1, 5, 5))
    with pytest.raises(ShapeError, match="a kernel of 3 does not fit into 2 pixels"):
        layer.forward(normal(4, 2, 5, 2))
    with pytest.raises(ShapeError, match=re.escape("it takes (B, C, T)")):
        Conv1d(2, 3, 3, rng=0).forward(normal(2, 2, 1, 5))
    with pytest.raises(ShapeError, match=re.escape("(out_channels, in_channels) (3, 0)")):
        Conv2d(0, 3, 3)


def test_float32_stays_float32() -> None:
    layer = Conv2d(1, 2, 3, padding=1, rng=0).astype(np.float32)
    Y, backprop = layer.forward(normal(2, 1, 4, 4).astype(np.float32))
    assert Y.dtype == backprop(Y).dtype == layer.parameters()[0].grad.dtype == np.float32
    # Pixels as bytes are read as the layer's type.
    assert layer(np.zeros((1, 1, 3, 3), dtype=np.uint8)).dtype == np.float32


def test_weights_follow_the_seed_and_keep_the_size_of_a_signal() -> None:
    first, again, other = (Conv2d(8, 64, 3, rng=seed).W.value for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.var() == pytest.approx(2 / (8 * 9), rel=0.05)
