"""Looking up rows: torch, one-hot products, and rows that come twice."""

import numpy as np
import pytest
import torch
from helpers.foundation_checks import assert_equals_torch, assert_passes_differences
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.initialization import zeros
from hfdl.foundations.words.embedding import Embedding


@settings(max_examples=40)
@given(st.lists(st.integers(0, 4), max_size=3), st.integers(1, 5), st.integers(1, 4))
def test_against_torch_and_differences(shape: list[int], rows: int, width: int) -> None:
    layer = Embedding(rows, width, rng=0)
    X = np.asarray(np.random.default_rng(1).integers(0, rows, shape))
    assert_equals_torch(layer, X, lambda x, p: torch.nn.functional.embedding(x, p["W"]))
    assert_passes_differences(layer, X)
    np.testing.assert_array_equal(layer(X), np.eye(rows)[X] @ layer.W.value)


def test_a_row_that_comes_twice_counts_twice() -> None:
    layer = Embedding(4, 2, rng=0)
    _, backprop = layer.forward(np.array([[1, 1, 3], [1, 0, 0]]))
    backprop(np.ones((2, 3, 2)))
    np.testing.assert_array_equal(layer.W.grad[:, 0], [2, 3, 0, 1])


def test_how_the_table_begins() -> None:
    assert Embedding(300, 50, rng=0).W.value.std() == pytest.approx(1.0, abs=0.02)
    assert not Embedding(3, 2, init=zeros).W.value.any()


def test_float32_stays() -> None:
    layer = Embedding(3, 2, rng=0).astype(np.float32)
    Y, backprop = layer.forward(np.array([0, 2], np.uint8))
    assert Y.dtype == backprop(Y).dtype == np.float32


def test_what_has_no_row_is_refused() -> None:
    layer = Embedding(3, 2, rng=0)
    rule = "the 3 rows are numbered from 0 to 2"
    with pytest.raises(DataError, match=rf"Embedding: X at \(1, 0\) is 3; {rule}"):
        layer(np.array([[0, 1], [3, 2]]))
    with pytest.raises(DataError, match=rf"X at \(0,\) is -1; {rule}"):
        layer(np.array([-1]))
    with pytest.raises(DataError, match="X is of float64; rows are asked for by whole numbers"):
        layer(np.array([1.0]))
    with pytest.raises(ShapeError, match=r"Embedding\(0, 2\)"):
        Embedding(0, 2)
