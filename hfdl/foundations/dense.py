"""Dense: every output is a weighted sum of every input.

    Y = X W + b

W is (inputs, outputs), as on paper for rows of samples; torch keeps its transpose.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.initialization import Initializer, Rng, glorot_uniform
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter, floats


class Dense(Layer):
    """X W + b, along the last axis. X (..., inputs) -> Y (..., outputs).

    Args:
        inputs: width of X.
        outputs: width of Y, the number of neurons.
        init: how W begins: ``glorot_uniform``, ``he_normal`` before a ReLU,
            ``scaled_gaussian(0.01)`` as in the notes. The bias begins at zero.
        rng: where the weights are drawn from; see ``initialization.generator``. Give all layers of
            a network one generator: layers with the same seed begin with the same weights.
        bias: whether there is a b.

    Raises:
        ShapeError: a size is below 1; in ``forward``, the last axis of X is not ``inputs``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        init: Initializer = glorot_uniform,
        rng: Rng = None,
        bias: bool = True,
    ) -> None:
        if inputs < 1 or outputs < 1:
            raise ShapeError(f"Dense({inputs}, {outputs})", rule="both sizes are at least 1")
        self.W = Parameter(init((inputs, outputs), rng))
        self.b = Parameter(np.zeros(outputs, self.W.value.dtype)) if bias else None

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        W, b = self.W, self.b
        inputs, outputs = W.value.shape
        X = floats(X, W.value.dtype)
        if X.ndim == 0 or X.shape[-1] != inputs:
            raise ShapeError(
                f"X {X.shape}", where="Dense", rule=f"the last axis of X has {inputs} numbers"
            )
        Y = X @ W.value  # (..., outputs)
        if b is not None:
            Y = Y + b.value

        def backprop(dY: Floats) -> Floats:
            # Every row added to W and b: (..., width) -> (rows, width).
            rows, dRows = X.reshape(-1, inputs), dY.reshape(-1, outputs)
            W.grad += rows.T @ dRows
            if b is not None:
                b.grad += dRows.sum(axis=0)
            return dY @ W.value.T

        return Y, backprop
