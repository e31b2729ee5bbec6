"""Lengths, masks, reversing and pooling."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.recurrent.sequences import (
    LastStep,
    MeanOverTime,
    causal_mask,
    check_lengths,
    lengths_of,
    real_steps,
    reverse,
)


@st.composite
def batches(draw) -> tuple[np.ndarray, np.ndarray]:
    """(B, T, D) with lengths (B,), 0 among them."""
    B, T, D = draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, T), min_size=B, max_size=B))
    X = np.random.default_rng(draw(st.integers(0, 99))).standard_normal((B, T, D))
    return X, np.array(lengths)


@given(batches())
def test_by_loops_over_rows(batch) -> None:
    X, lengths = batch
    backwards = reverse(X, lengths)
    last, mean = (kind().forward(X, lengths=lengths)[0] for kind in (LastStep, MeanOverTime))
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(backwards[row, :length], X[row, :length][::-1])
        np.testing.assert_array_equal(backwards[row, length:], X[row, length:])
        expected = X[row, :length]
        np.testing.assert_array_equal(last[row], expected[-1] if length else 0 * last[row])
        np.testing.assert_allclose(
            mean[row], expected.mean(0) if length else 0 * mean[row], rtol=0, atol=1e-14
        )
    np.testing.assert_array_equal(reverse(backwards, lengths), X)
    np.testing.assert_array_equal(reverse(X), X[:, ::-1])
    real = real_steps(lengths, *X.shape[:2])
    assert [int(row.sum()) for row in real] == lengths.tolist()
    assert (np.sort(~real, axis=1) == ~real).all()  # padding is at the end


@given(batches())
def test_gradients(batch) -> None:
    X, lengths = batch
    for layer in (LastStep(), MeanOverTime()):
        for given_lengths in (None, lengths):
            errors = check_layer(layer, X, lengths=given_lengths)
            assert set(errors) == {"X"}
            assert errors["X"] < 1e-8


def test_padding_may_hold_anything() -> None:
    X = np.ones((2, 3, 2))
    X[0, 1:] = np.inf
    X[1, 2] = np.nan
    for layer in (LastStep(), MeanOverTime()):
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(layer.forward(X, lengths=np.array([1, 2]))[0], 1.0)


@pytest.mark.parametrize("layer", [LastStep(), MeanOverTime()])
def test_float32_stays(layer) -> None:
    for lengths in (None, np.array([1, 3])):
        Y, backprop = layer.forward(np.ones((2, 3, 2), np.float32), lengths=lengths)
        assert Y.dtype == backprop(Y).dtype == np.float32
    assert layer(np.ones((2, 0, 2), np.float32)).shape == (2, 2)


def test_lengths_are_found_by_padding() -> None:
    ids = np.array([[5, 0, 7, 0], [0, 0, 0, 0], [1, 2, 3, 4], [9, 0, 0, 0]])
    np.testing.assert_array_equal(lengths_of(ids), [3, 0, 4, 1])  # a 0 inside is no padding
    np.testing.assert_array_equal(lengths_of(ids, padding_id=4), [4, 4, 3, 4])
    np.testing.assert_array_equal(lengths_of(np.zeros((2, 0), int)), [0, 0])


@pytest.mark.parametrize(("t", "s"), [(1, 1), (3, 3), (1, 5), (2, 5), (0, 2)])
def test_causal_mask(t: int, s: int) -> None:
    expected = torch.ones(t, s, dtype=torch.bool).tril(s - t).numpy()
    np.testing.assert_array_equal(causal_mask(t, s), expected)
    np.testing.assert_array_equal(causal_mask(s), np.tri(s, dtype=bool))
    assert causal_mask(t, s).dtype == np.bool_


def test_errors() -> None:
    with pytest.raises(ShapeError, match="4 queries and 3 keys"):
        causal_mask(4, 3)
    with pytest.raises(ShapeError, match=r"lengths of shape \(3,\) and type int64 for 2 sequences"):
        check_lengths(np.array([1, 2, 3]), 2, 4)
    with pytest.raises(ShapeError, match="type float64 for 2 sequences; lengths are whole numbers"):
        check_lengths(np.array([1.0, 2.0]), 2, 4)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ShapeError, match=r"a length of -1 in an array of 4 steps; .* 0 and 4"):
        check_lengths(np.array([-1, 5]), 2, 4)
