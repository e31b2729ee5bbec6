"""Sine and cosine positions against the paper's closed form and the course note's code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hfdl.nn.positions import SinusoidalPositions, sinusoidal

WIDTHS = [1, 2, 3, 7, 16]


def closed_form(p: float, column: int, width: int, base: float = 10000.0) -> float:
    angle = p / base ** (2 * (column // 2) / width)
    return math.cos(angle) if column % 2 else math.sin(angle)


def note_table(length: int, width: int) -> torch.Tensor:
    """Note 1's positional encoding, in float32 and by exp and log, for even widths."""
    place = torch.arange(length, dtype=torch.float32)[:, None]
    speed = torch.exp(torch.arange(0, width, 2).float() * (-np.log(10000.0) / width))
    return torch.stack([(place * speed).sin(), (place * speed).cos()], -1).flatten(-2)


@pytest.mark.parametrize("base", [10000.0, 500.0])
@pytest.mark.parametrize("width", WIDTHS)
def test_table_is_the_closed_form(width: int, base: float) -> None:
    table = sinusoidal(60, width, base=base, dtype=torch.float64)
    wanted = [[closed_form(p, c, width, base) for c in range(width)] for p in range(60)]
    assert table.shape == (60, width)
    np.testing.assert_allclose(table.numpy(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [2, 16, 64])
def test_table_is_the_notes_to_float32(width: int) -> None:
    table = sinusoidal(100, width)
    assert table.dtype == torch.float32
    # The note rounds its angles: a relative 2**-24 of angles up to 99 is 6e-6.
    torch.testing.assert_close(table, note_table(100, width), rtol=0, atol=1e-5)


def test_float32_is_the_rounded_formula_also_far_out() -> None:
    far = torch.tensor([4999, 100_000])
    exact = sinusoidal(far, 32, dtype=torch.float64)
    assert torch.equal(sinusoidal(far, 32), exact.float())
    rounded_angles = note_table(5000, 32) - sinusoidal(5000, 32, dtype=torch.float64)
    assert rounded_angles.abs().max() > 1e-4  # what float32 angles would cost


def test_an_odd_width_ends_in_a_sine() -> None:
    table = sinusoidal(9, 5, dtype=torch.float64)
    torch.testing.assert_close(
        table[:, 4], (torch.arange(9.0, dtype=torch.float64) / 10000.0 ** (4 / 5)).sin()
    )
    assert sinusoidal(9, 1).shape == (9, 1)


def test_positions_of_any_shape_pick_rows() -> None:
    table = sinusoidal(40, 6)
    for positions in (torch.tensor([[3, 39], [0, 7]]), torch.arange(5) + 30, torch.tensor(4)):
        assert torch.equal(sinusoidal(positions, 6), table[positions])
    assert sinusoidal(0, 6).shape == (0, 6)


def test_a_shift_is_a_rotation_of_pairs() -> None:
    """The paper's reason for the choice: PE(p + k) is a linear function of PE(p)."""
    table, shift = sinusoidal(50, 8, dtype=torch.float64), 7
    angles = shift / 10000.0 ** (torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    sin, cos = table[:-shift, 0::2], table[:-shift, 1::2]
    moved = torch.stack(
        [sin * angles.cos() + cos * angles.sin(), cos * angles.cos() - sin * angles.sin()], -1
    ).flatten(-2)
    torch.testing.assert_close(moved, table[shift:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_module_has_the_table_and_no_state(dtype: torch.dtype) -> None:
    module = SinusoidalPositions(7, base=100.0, dtype=dtype)
    positions = torch.tensor([[0, 5, 2]])
    out = module(positions)
    assert out.dtype == dtype
    assert torch.equal(out, sinusoidal(positions, 7, base=100.0, dtype=dtype))
    assert not module.state_dict()
    assert "7, base=100" in repr(module)
