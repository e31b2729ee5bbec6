"""Layers over time that carry a state: what a recurrent layer, or several together, can do."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Ints
from hfdl.foundations.recurrent.sequences import SequenceLayer

State = tuple[Floats, ...]
"""Arrays (B, H): (h,) of an RNN or GRU, (h, c) of an LSTM; of several layers one after another."""


class ThroughTime(Protocol):
    """From the gradients of all outputs and of the final state to those of input and start."""

    def __call__(self, dY: Floats, d_final: State | None = None) -> tuple[Floats, State]:
        """dY (B, T, H) and d_final (zeros where None) -> dX (B, T, D) and d_state."""
        ...


class StatefulLayer(SequenceLayer):
    """A layer over time that starts from a state and leaves one."""

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The widths of the arrays of a state, in order."""
        raise NotImplementedError

    def run(
        self,
        X: Floats,
        *,
        lengths: Ints | None = None,
        state: State | None = None,
        train: bool = False,
    ) -> tuple[Floats, State, ThroughTime]:
        """``forward`` with states.

        Args:
            X: (B, T, D).
            lengths: (B,); None: every step is real.
            state: what to start from, each (B, H); None: zeros.
            train: as in every layer.

        Returns:
            Y (B, T, H), zeros at padding; the state after each sequence's last real step; and the
            way back, which adds to the parameters' gradients.

        Raises:
            ShapeError: an input, a length or a state does not fit.
        """
        raise NotImplementedError

    def forward(
        self, X: Any, *, lengths: Ints | None = None, train: bool = False
    ) -> tuple[Floats, Backprop]:
        """(B, T, D) -> (B, T, H), from a state of zeros."""
        Y, _, through_time = self.run(X, lengths=lengths, train=train)

        def backprop(dY: Floats) -> Floats:
            return through_time(dY)[0]

        return Y, backprop

    def start(self, state: State | None, B: int, dtype: Any) -> State:
        """The given state, or zeros.

        Raises:
            ShapeError: the arrays of the state are not those that this layer has.
        """
        shapes = tuple((B, width) for width in self.state_widths)
        if state is None:
            return tuple(np.zeros(shape, dtype) for shape in shapes)
        if (found := tuple(part.shape for part in state)) != shapes:
            raise ShapeError(
                f"a state of shapes {list(found)}",
                where=type(self).__name__,
                rule=f"its state has the shapes {list(shapes)}",
            )
        return state
