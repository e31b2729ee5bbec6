"""Sine and cosine positions (Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762).

PE(p, 2i)     = sin(p / base^(2i / D))
PE(p, 2i + 1) = cos(p / base^(2i / D))

Each pair of columns is the hand of a clock, each clock slower than the one before.

Shapes: *T tokens, in any axes; D width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def sinusoidal(
    positions: int | Int[Tensor, "*T"],
    width: int,
    *,
    base: float = 10000.0,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "*T D"]:
    """The table of the formula above.

    It is computed in float64 and then rounded: with float32 angles, a table of 5000 positions is
    wrong by up to 4e-4.

    Args:
        positions: or a number T, for the positions 0 to T - 1.
        width: D; where it is odd, the last column is a sine without its cosine.
        base: of the wavelengths, which run from 2 pi to 2 pi base.
        dtype: of the result.
    """
    if not isinstance(positions, Tensor):
        positions = torch.arange(positions)
    even = torch.arange(0, width, 2, dtype=torch.float64, device=positions.device)  # 2i
    angles = positions[..., None].double() / base ** (even / width)  # (..., T, ceil(D / 2))
    table = angles.new_empty(*positions.shape, width)
    table[..., 0::2] = angles.sin()
    table[..., 1::2] = angles[..., : width // 2].cos()
    return table.to(dtype)


class SinusoidalPositions(nn.Module):
    """``sinusoidal`` as a module. It has no weights, no table to store and no greatest position.

    Args:
        width, base, dtype: as in ``sinusoidal``.
        factor: what the table is multiplied by.
    """

    def __init__(
        self,
        width: int,
        *,
        base: float = 10000.0,
        dtype: torch.dtype = torch.float32,
        factor: float = 1.0,
    ) -> None:
        super().__init__()
        self.width, self.base, self.dtype, self.factor = width, base, dtype, factor

    def forward(self, positions: Int[Tensor, "*T"]) -> Float[Tensor, "*T D"]:
        """The vectors of positions."""
        table = sinusoidal(positions, self.width, base=self.base, dtype=self.dtype)
        return table if self.factor == 1.0 else table * self.factor

    def extra_repr(self) -> str:
        """Width and base, for ``print(model)``."""
        return f"{self.width}, base={self.base:g}"
