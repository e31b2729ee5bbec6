"""Stacks of transformer blocks, run in order.

Shapes: *B batch (none where sequences are packed), T tokens, D width, S tokens of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint  # pyright: ignore[reportUnknownVariableType]

from hfdl.nn.attend import Attend
from hfdl.nn.attention import Projected
from hfdl.nn.positions import Rotation


class Stack(nn.ModuleList):
    """Blocks run in order.

    With ``gradient_checkpointing`` (transformers' name, and its switch finds it here) training
    keeps the input of each block alone and computes the rest again on the way back: the memory of
    one block for a third more time (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
    """

    gradient_checkpointing = False

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        attends: Attend | Sequence[Attend],
        rotations: Rotation | list[Rotation] | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Run x through every block.

        Args:
            x: the embedded tokens.
            attends: what every block attends by, or one for each block.
            rotations: rotary positions for every block, or a list with those of each.
        """
        attend_of = repeat(attends) if callable(attends) else attends
        rotation_of = rotations if isinstance(rotations, list) else repeat(rotations)
        for block, attend, rotation in zip(self.order(), attend_of, rotation_of, strict=False):
            x = self._run(block, x, attend, rotation)
        return x

    def order(self) -> Iterable[nn.Module]:
        """The block of each layer."""
        return self

    def _run(
        self, block: nn.Module, x: Float[Tensor, "*B T D"], *context: Any
    ) -> Float[Tensor, "*B T D"]:
        if not (self.gradient_checkpointing and self.training):
            return block(x, *context)
        return cast("Tensor", checkpoint(block, x, *context, use_reentrant=False))


class SharedStack(Stack):
    """Fewer blocks than layers: layers that follow each other share one.

    With L layers and G blocks, layer i runs block floor(i / (L / G)); with G = 1 one block runs L
    times (Lan et al. 2020, section 3.1, https://arxiv.org/abs/1909.11942).

    Args:
        blocks: G of them.
        num_layers: L.
    """

    def __init__(self, blocks: Iterable[nn.Module], num_layers: int) -> None:
        super().__init__(blocks)
        self.num_layers = num_layers

    def order(self) -> list[nn.Module]:
        """The block of each of the L layers."""
        share = self.num_layers / len(self)
        return [self[int(i / share)] for i in range(self.num_layers)]


class DecoderStack(Stack):
    """Decoder blocks, each with the memory as it sees it."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        x: Float[Tensor, "*B T D"],
        memories: Sequence[Float[Tensor, "*B S D"] | Projected],
        attend: Attend,
        cross: Attend,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Run x through every block.

        Args:
            x: the embedded tokens.
            memories: for each block the encoder's output, or its keys and values.
            attend: self-attention.
            cross: attention to the memory.
            rotation: rotary positions of self-attention.
        """
        for block, memory in zip(self, memories, strict=True):
            x = self._run(block, x, memory, attend, cross, rotation)
        return x
