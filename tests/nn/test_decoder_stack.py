"""A stack of decoder blocks: in order, each with its own memory, and recomputed alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hfdl.nn.attend import PaddedAttend
from hfdl.nn.stack import DecoderStack


class Block(nn.Module):
    """Says what it was given: factor * x + memory, and counts its runs."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor, dtype=torch.float64))
        self.seen: list[tuple[object, object]] = []

    def forward(
        self, x: Tensor, memory: Tensor, attend: object, cross: object, rotation: object
    ) -> Tensor:
        assert rotation is None
        self.seen.append((attend, cross))
        return self.factor * x + memory


def stack() -> DecoderStack:
    return DecoderStack([Block(2.0), Block(3.0)])


def test_each_block_is_given_its_own_memory() -> None:
    own, cross = PaddedAttend(), PaddedAttend()
    blocks = stack()
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    assert blocks(x, [x * 5, x * 7], own, cross).item() == 3 * (2 * 1 + 5) + 7
    assert [block.seen for block in blocks] == [[(own, cross)]] * 2
    assert [name for name, _ in blocks.named_parameters()] == ["0.factor", "1.factor"]


def test_as_many_memories_as_blocks() -> None:
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="zip"):
        stack()(x, [x], PaddedAttend(), PaddedAttend())


def test_gradients_are_the_same_where_activations_are_computed_again() -> None:
    x = torch.ones(1, 1, 1, dtype=torch.float64)
    found, runs = [], []
    for again in (False, True):
        blocks = stack().train()
        blocks.gradient_checkpointing = again
        blocks(x, [x, x], PaddedAttend(), PaddedAttend()).sum().backward()
        found.append([float(block.factor.grad) for block in blocks])
        runs.append([len(block.seen) for block in blocks])
    assert found[0] == found[1] == [3.0, 3.0]
    assert runs == [[1, 1], [2, 2]]
