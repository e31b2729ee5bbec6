"""Embedding: a table with a row of numbers for each word (or any other numbered item).

Looking up row i is the same as multiplying a one-hot vector by the table, without the zeros.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any, cast

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.initialization import Initializer, Rng, scaled_gaussian
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter


class Embedding(Layer):
    """Rows of a table. X (...) whole numbers -> Y (..., D).

    Args:
        rows: V, the number of items; they are numbered from 0.
        width: D.
        init: how the table (V, D) begins; normal numbers by default, as torch's.
        rng: see ``initialization.generator``.

    Raises:
        ShapeError: a size is below 1.
        DataError: in ``forward``, X is not of whole numbers, or one has no row. (NumPy would read
            -1 as the last row.)
    """

    def __init__(
        self, rows: int, width: int, *, init: Initializer | None = None, rng: Rng = None
    ) -> None:
        if rows < 1 or width < 1:
            raise ShapeError(f"Embedding({rows}, {width})", rule="both sizes are at least 1")
        self.W = Parameter((init or scaled_gaussian(1.0))((rows, width), rng))

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        W = self.W
        rows = len(W.value)
        X = np.asarray(X)
        if not np.issubdtype(X.dtype, np.integer):
            raise DataError(
                f"X is of {X.dtype}", where="Embedding", rule="rows are asked for by whole numbers"
            )
        if strange := np.argwhere((X < 0) | (rows <= X)).tolist():
            index = tuple(strange[0])
            raise DataError(
                f"X at {index} is {int(X[index])}",
                where="Embedding",
                rule=f"the {rows} rows are numbered from 0 to {rows - 1}",
            )

        def backprop(dY: Floats) -> Floats:
            # Not W.grad[X] += dY, which would count a row that comes twice only once.
            np.add.at(W.grad, X, dY)
            return cast(
                "Floats", np.zeros(X.shape, dY.dtype)
            )  # a row number cannot be moved a little

        return W.value[X], backprop
