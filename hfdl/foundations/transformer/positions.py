"""Positions, added to embeddings, because attention by itself sees a set and not a sequence.

Sine and cosine (Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762):

    PE(p, 2i)     = sin(p / base^(2i / D))
    PE(p, 2i + 1) = cos(p / base^(2i / D))

Each pair of columns is the hand of a clock, each clock slower than the one before. Or a vector for
each position, learned as embeddings are (Devlin et al. 2019, https://arxiv.org/abs/1810.04805).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.initialization import Rng, scaled_gaussian
from hfdl.foundations.layer import Backprop, Floats, Ints, Layer, Parameter


def sinusoidal(
    positions: int | Ints, width: int, *, base: float = 10000.0, dtype: Any = np.float64
) -> Floats:
    """The table of the formula above.

    It is computed in float64 and then rounded: with float32 angles, a table of 5000 positions is
    wrong by up to 4e-4.

    Args:
        positions: (..., T); or a number T, for the positions 0 to T - 1.
        width: D; where it is odd, the last column is a sine without its cosine.
        base: of the wavelengths, which run from 2 pi to 2 pi base.
        dtype: of the result.

    Returns:
        (..., T, D).
    """
    positions = np.arange(positions) if isinstance(positions, int) else np.asarray(positions)
    even = np.arange(0, width, 2, dtype=np.float64)  # 2i
    angles = positions[..., None] / base ** (even / width)  # (..., T, ceil(D / 2))
    table = np.empty((*positions.shape, width))
    table[..., 0::2] = np.sin(angles)
    table[..., 1::2] = np.cos(angles[..., : width // 2])
    return table.astype(dtype)


class SinusoidalPositions(Layer):
    """X + the table. (B, T, D) -> (B, T, D), of any T and D; nothing is learned.

    Args:
        base: as in ``sinusoidal``.
    """

    def __init__(self, *, base: float = 10000.0) -> None:
        self.base = base

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        table = sinusoidal(*X.shape[-2:], base=self.base, dtype=X.dtype)  # (T, D)

        def backprop(dY: Floats) -> Floats:
            return dY

        return X + table, backprop


class LearnedPositions(Layer):
    """X + the first T rows of a table that is learned. (B, T, D) -> (B, T, D).

    Args:
        limit: how many positions there are.
        width: D.
        rng: of the table, which is drawn with a standard deviation of 0.02, as BERT's.

    Raises:
        ShapeError: in ``forward``, X is longer than the table or of another width.
    """

    def __init__(self, limit: int, width: int, *, rng: Rng = None) -> None:
        self.table = Parameter(scaled_gaussian(0.02)((limit, width), rng))

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        T, D = X.shape[-2:]
        limit, width = self.table.value.shape
        if limit < T or width != D:
            raise ShapeError(
                f"an input of shape {X.shape}",
                where="LearnedPositions",
                rule=f"there are {limit} positions, of width {width}",
                remedy="shorten the sequences, or make a larger table",
            )

        def backprop(dY: Floats) -> Floats:
            self.table.grad[:T] += dY.reshape(-1, T, D).sum(0)  # (B, T, D) -> (T, D)
            return dY

        return X + self.table.value[:T], backprop
