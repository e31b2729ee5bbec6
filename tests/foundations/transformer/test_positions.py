"""Positions: the closed form, note 1's formula, and the learned table."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.foundations.gradcheck import check_layer
from hfdl.foundations.transformer.positions import LearnedPositions, SinusoidalPositions, sinusoidal
from hfdl.nn.positions.sinusoidal import sinusoidal as torch_twin


@given(st.integers(0, 600), st.integers(1, 33), st.sampled_from([10000.0, 500.0]))
def test_the_closed_form(position: int, width: int, base: float) -> None:
    row = sinusoidal(position + 1, width, base=base)[position]
    for column in range(width):
        wave = math.sin if column % 2 == 0 else math.cos
        expected = wave(position * base ** (-(column - column % 2) / width))
        assert abs(row[column] - expected) < 1e-12


def test_note_1s_table_in_float32() -> None:
    """The notes' torch formula, over the first 100 positions; further on its angles are rough."""
    d_model = 512
    position = torch.arange(0, 100, dtype=torch.float).unsqueeze(1)
    frequency = torch.exp(torch.arange(0, d_model, 2).float() * (-np.log(10000.0) / d_model))
    expected = torch.zeros(100, d_model)
    expected[:, 0::2] = torch.sin(position * frequency)
    expected[:, 1::2] = torch.cos(position * frequency)
    table = sinusoidal(100, d_model, dtype=np.float32)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table, expected.numpy(), rtol=0, atol=2e-5)


@pytest.mark.parametrize("width", [1, 2, 7, 16])
def test_the_torch_twin_and_any_positions(width: int) -> None:
    positions = np.array([[0, 3, 4999], [7, 7, 1]])
    expected = torch_twin(torch.from_numpy(positions), width, dtype=torch.float64)
    found = sinusoidal(positions, width)
    assert found.shape == (2, 3, width)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(sinusoidal(np.arange(4), width), sinusoidal(4, width))


def test_the_first_rows() -> None:
    found = sinusoidal(2, 5)
    np.testing.assert_array_equal(found[0], [0, 1, 0, 1, 0])
    np.testing.assert_allclose(found[1, :2], [math.sin(1), math.cos(1)], rtol=0, atol=1e-15)


def test_layers_add_and_pass_the_gradient() -> None:
    X = np.random.default_rng(0).standard_normal((2, 3, 5))
    layer = SinusoidalPositions()
    np.testing.assert_array_equal(layer(X), X + sinusoidal(3, 5))
    assert check_layer(layer, X)["X"] < 1e-8
    learned = LearnedPositions(4, 5, rng=0)
    np.testing.assert_array_equal(learned(X), X + learned.table.value[:3])
    errors = check_layer(learned, X)
    assert set(errors) == {"X", "table"}
    assert max(errors.values()) < 1e-8
    assert 0.01 < learned.table.value.std() < 0.03
    for each in (layer, learned.astype(np.float32)):
        assert each(X.astype(np.float32)).dtype == np.float32


def test_a_sequence_that_is_too_long_is_refused() -> None:
    layer = LearnedPositions(4, 5)
    with pytest.raises(ShapeError, match=r"\(2, 6, 5\); there are 4 positions, of width 5. Short"):
        layer(np.zeros((2, 6, 5)))
    with pytest.raises(ShapeError, match=r"LearnedPositions: an input of shape \(2, 3, 1\)"):
        layer(np.zeros((2, 3, 1)))
