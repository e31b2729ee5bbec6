"""Learned positions: a table, and a clear word where it ends."""

from __future__ import annotations

import pytest
import torch
from helpers.wording import assert_wording
from torch.nn import functional as F

from hfdl.errors import ShapeError
from hfdl.nn.positions import LearnedPositions


@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3), (0,)])
def test_rows_and_gradients_are_those_of_the_table(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = LearnedPositions(8, 3)
    positions = torch.randint(8, shape)
    out = module(positions)
    assert torch.equal(out, module.weight[positions])
    upstream = torch.randn_like(out)
    out.backward(upstream)
    counts = F.one_hot(positions.flatten(), 8).float()  # (n, 8)
    torch.testing.assert_close(module.weight.grad, counts.T @ upstream.view(-1, 3))


def test_its_state_is_one_weight() -> None:
    assert {k: tuple(v.shape) for k, v in LearnedPositions(8, 3).state_dict().items()} == {
        "weight": (8, 3)
    }


def test_the_padding_position_is_not_trained() -> None:
    module = LearnedPositions(8, 3, padding_idx=1)
    module(torch.tensor([0, 1, 2])).sum().backward()
    assert module.weight.grad is not None
    assert module.weight.grad.sum(1).tolist() == [3, 0, 3, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("positions", "wrong"), [([0, 8], 8), ([[3], [100]], 100), ([-1], -1)])
def test_positions_outside_the_table_are_refused(positions: list[object], wrong: int) -> None:
    with pytest.raises(ShapeError) as caught:
        LearnedPositions(8, 3)(torch.tensor(positions))
    assert_wording(caught.value)


def test_the_last_position_is_allowed() -> None:
    assert LearnedPositions(8, 3)(torch.tensor([7])).shape == (1, 3)
