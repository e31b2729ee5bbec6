"""Pooling against torch, and central differences."""

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
from hfdl.foundations.vision.pooling import AvgPool2d, MaxPool2d

KINDS: list[tuple[Any, Any]] = [(MaxPool2d, F.max_pool2d), (AvgPool2d, F.avg_pool2d)]


@st.composite
def geometries(draw: st.DrawFn) -> dict[str, Any]:
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    padding = [draw(st.integers(0, k // 2)) for k in kernel]
    fits = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    stride = draw(st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return {
        "shape": (draw(st.integers(1, 3)), draw(st.integers(1, 3)),
                  *(draw(st.integers(least, least + 6)) for least in fits)),
        "kernel": tuple(kernel), "stride": stride, "padding": tuple(padding),
    }  # fmt: skip


def compare(kind: Any, theirs: Any, X: Any, g: dict[str, Any]) -> None:
    x = torch.tensor(X, requires_grad=True)
    expected = theirs(x, g["kernel"], stride=g["stride"], padding=g["padding"])
    Y, backprop = kind(g["kernel"], stride=g["stride"], padding=g["padding"]).forward(X)
    dY = np.random.default_rng(1).standard_normal(Y.shape)
    expected.backward(torch.tensor(dY))
    np.testing.assert_allclose(Y, expected.detach().numpy(), rtol=0, atol=1e-10)
    assert x.grad is not None
    np.testing.assert_allclose(backprop(dY), x.grad.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("kind", "theirs"), KINDS)
@given(g=geometries())
def test_pooling_and_its_gradient_equal_torch(kind: Any, theirs: Any, g: dict[str, Any]) -> None:
    compare(kind, theirs, np.random.default_rng(0).standard_normal(g["shape"]), g)


@given(geometries())
def test_of_equal_pixels_the_first_gets_the_gradient_as_in_torch(g: dict[str, Any]) -> None:
    X = np.random.default_rng(0).integers(-1, 2, g["shape"]).astype(np.float64)
    compare(MaxPool2d, F.max_pool2d, X, g)


def test_a_window_of_equal_pixels_by_hand() -> None:
    Y, backprop = MaxPool2d(2).forward(np.zeros((1, 1, 2, 2)))
    assert Y.tolist() == [[[[0.0]]]]
    assert backprop(np.ones((1, 1, 1, 1))).tolist() == [[[[1.0, 0.0], [0.0, 0.0]]]]


def test_the_notes_four_by_four_becomes_two_by_two() -> None:
    X = np.arange(16.0).reshape(1, 1, 4, 4)
    assert MaxPool2d(2)(X)[0, 0].tolist() == [[5, 7], [13, 15]]
    assert AvgPool2d(2)(X)[0, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_max_of_negative_pixels_ignores_the_padding_and_mean_counts_it_as_zeros() -> None:
    X = np.full((1, 1, 2, 2), -4.0)
    assert MaxPool2d(2, padding=1)(X)[0, 0].tolist() == [[-4, -4], [-4, -4]]
    assert AvgPool2d(2, padding=1)(X)[0, 0].tolist() == [[-1, -1], [-1, -1]]


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_gradient_passes_central_differences(kind: Any) -> None:
    X = np.random.default_rng(0).standard_normal((2, 2, 5, 6))
    errors = check_layer(kind((2, 3), stride=(1, 2), padding=(1, 0)), X)
    assert list(errors) == ["X"]
    assert errors["X"] < 1e-8


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_nan_stays_nan(kind: Any, place: int) -> None:
    X = np.arange(4.0)
    X[place] = np.nan
    assert np.isnan(kind(2)(X.reshape(1, 1, 2, 2))).all()


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_types(kind: Any) -> None:
    Y, backprop = kind(2, padding=1).forward(np.zeros((1, 1, 4, 4), dtype=np.float32))
    assert Y.dtype == backprop(Y).dtype == np.float32
    assert kind(2, padding=1)(np.ones((1, 1, 4, 4), dtype=np.int64)).dtype == np.float64


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_input_is_not_changed(kind: Any) -> None:
    X = np.random.default_rng(0).standard_normal((1, 1, 4, 4))
    before = X.copy()
    Y, backprop = kind(2).forward(X)
    Y += 1
    backprop(Y)
    assert np.array_equal(X, before)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_bad_settings_and_inputs_are_refused(kind: Any) -> None:
    with pytest.raises(ShapeError, match=re.escape("padding (2, 2) around windows of (3, 3); the")):
        kind(3, padding=2)
    with pytest.raises(ShapeError, match="stride 0; stride is a whole number of 1 or more"):
        kind(2, stride=0)
    with pytest.raises(ShapeError, match=re.escape(f"{kind.__name__} got an input of shape (4,")):
        kind(2).forward(np.zeros((4, 4)))
    with pytest.raises(ShapeError, match="a kernel of 2 does not fit into 1 pixels"):
        kind(2).forward(np.zeros((1, 1, 1, 4)))
