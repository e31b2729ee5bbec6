"""A network over padded token ids, whose lengths are read from the padding."""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Layer
from hfdl.foundations.recurrent.sequences import SequenceLayer, lengths_of
from hfdl.foundations.sequential import Sequential


class PaddedSequential(Sequential):
    """``Sequential`` that passes the lengths of the sequences to each ``SequenceLayer`` in it.

        PaddedSequential(Embedding(V, D), LSTM(D, H), LastStep(), Dense(H, C))

    Args:
        layers: the first takes ids (B, T).
        padding_id: what fills rows at their end.

    Raises:
        ConfigError: as in ``Sequential``.
        ShapeError: in ``forward``, the input is not whole numbers (B, T).
    """

    def __init__(self, *layers: Layer, padding_id: int = 0) -> None:
        super().__init__(*layers)
        self.padding_id = padding_id

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        """ids (B, T) -> the last layer's output."""
        ids = np.asarray(X)
        if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
            raise ShapeError(
                f"an input of shape {ids.shape} and type {ids.dtype}",
                where="PaddedSequential",
                rule="it takes ids, whole numbers (B, T)",
            )
        lengths = lengths_of(ids, self.padding_id)
        Y: Any = ids
        backprops: list[Backprop] = []
        for layer in self.layers:
            more = {"lengths": lengths} if isinstance(layer, SequenceLayer) else {}
            Y, backprop = layer.forward(Y, train=train, **more)
            backprops.append(backprop)

        def backprop_all(dY: Floats) -> Floats:
            for backprop in reversed(backprops):
                dY = backprop(dY)
            return dY

        return Y, backprop_all
