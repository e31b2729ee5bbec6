"""The loop over time that RNN, LSTM and GRU share, and its backward pass.

A recurrent layer reads a sequence step by step and carries a state from each step to the next:

    state_t = cell(x_t, state_{t-1})        y_t = h_t, the first array of the state

The cell is the same at every step: its weights are used T times, and their gradient is the sum
of T gradients. Going back through the steps, last to first, is called backpropagation through
time (Werbos 1990, "Backpropagation through time: what it does and how to do it").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Floats, Ints, Parameter
from hfdl.foundations.recurrent.sequences import SequenceLayer, real_steps

State = tuple[Floats, ...]
"""Arrays (B, H): (h,) of an RNN or GRU, (h, c) of an LSTM; of several layers one after another."""

CellBackprop = Callable[[State], tuple[Floats, Floats, State]]
"""From the gradient of a cell's new state to those of p, of h W_h, and of the old state."""


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
            backward pass, which adds to the parameters' gradients.

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
        """``state`` itself, or zeros where it is None.

        Raises:
            ShapeError: the arrays of the state are not those that this layer has.
        """
        shapes = tuple((B, width) for width in self.state_widths)
        if state is None:
            return tuple(np.zeros(shape, dtype) for shape in shapes)
        if (own := tuple(part.shape for part in state)) != shapes:
            raise ShapeError(
                f"a state of shapes {list(own)}",
                where=type(self).__name__,
                rule=f"its state has the shapes {list(shapes)}",
            )
        return state


class Recurrent(StatefulLayer):
    """One recurrent layer; a subclass defines the computation of its cell.

    Args:
        inputs: D.
        width: H.
        rng: of the weights, which are drawn uniformly from +-1/sqrt(H), as torch's are; biases
            start at 0.

    Raises:
        ShapeError: a size is below 1.
    """

    blocks: ClassVar[int]
    """How many blocks of H columns the weights have: one for each gate or candidate."""
    states: ClassVar[int] = 1

    def __init__(self, inputs: int, width: int, *, rng: Rng = None) -> None:
        if inputs < 1 or width < 1:
            name = type(self).__name__
            raise ShapeError(f"{name}({inputs}, {width})", rule="both sizes are at least 1")
        random, bound, columns = generator(rng), width**-0.5, self.blocks * width
        self.W_x = Parameter(random.uniform(-bound, bound, (inputs, columns)))
        self.W_h = Parameter(random.uniform(-bound, bound, (width, columns)))
        self.b = Parameter(np.zeros(columns))

    @property
    def state_widths(self) -> tuple[int, ...]:
        """H for each array of the state."""
        return (self.W_h.value.shape[0],) * self.states

    def cell(self, p: Floats, state: State) -> tuple[State, CellBackprop]:
        """From p = x W_x + b (B, blocks * H) and the old state to the new one."""
        raise NotImplementedError

    def run(
        self,
        X: Floats,
        *,
        lengths: Ints | None = None,
        state: State | None = None,
        train: bool = False,
    ) -> tuple[Floats, State, ThroughTime]:
        """See ``StatefulLayer.run``."""
        P = self.project(X)  # (B, T, blocks * H): all steps in one product
        B, T = X.shape[:2]
        real = real_steps(lengths, B, T)[..., None]  # (B, T, 1)
        states, cells = [self.start(state, B, P.dtype)], list[CellBackprop]()
        Y = np.zeros((B, T, self.state_widths[0]), P.dtype)
        for t in range(T):
            old = states[t]
            new, cell_backprop = self.cell(P[:, t], old)
            # A sequence that has ended keeps the state that it ended with.
            new = tuple(np.where(real[:, t], n, o) for n, o in zip(new, old, strict=True))
            Y[:, t] = np.where(real[:, t], new[0], 0)
            states.append(new)
            cells.append(cell_backprop)

        def backprop(dY: Floats, d_final: State | None = None) -> tuple[Floats, State]:
            d_state = self.start(d_final, B, P.dtype)
            dP, dA = np.empty_like(P), np.empty_like(P)
            for t in reversed(range(T)):
                # h_t is an output, and is also what the next step started from.
                d_new = (d_state[0] + dY[:, t], *d_state[1:])
                d_new = tuple(np.where(real[:, t], d, 0) for d in d_new)
                dP[:, t], dA[:, t], d_old = cells[t](d_new)
                d_state = tuple(
                    np.where(real[:, t], o, d) for o, d in zip(d_old, d_state, strict=True)
                )
            H = np.stack([s[0] for s in states[:-1]], axis=1) if T else Y  # (B, T, H): h_{t-1}
            self.add_gradients(X, H, dP, dA)
            return dP @ self.W_x.value.T, d_state

        return Y, states[-1], backprop

    def project(self, X: Floats) -> Floats:
        """X W_x + b. (..., D) -> (..., blocks * H).

        Raises:
            ShapeError: the last axis is not D.
        """
        D = self.W_x.value.shape[0]
        if X.shape[-1] != D:
            raise ShapeError(
                f"an input of shape {X.shape}",
                where=type(self).__name__,
                rule=f"the last axis is the layer's input width, {D}",
            )
        return X @ self.W_x.value + self.b.value

    def add_gradients(self, X: Floats, H: Floats, dP: Floats, dA: Floats) -> None:
        """Sum the weights' gradients over all steps, in one product each.

        Args:
            X, H: (..., D) and (..., H), the inputs and the h that each step started from.
            dP, dA: (..., blocks * H), the gradients of X W_x + b and of H W_h.
        """
        dP, dA = _rows(dP), _rows(dA)
        self.W_x.grad += _rows(X).T @ dP
        self.W_h.grad += _rows(H).T @ dA
        self.b.grad += dP.sum(0)


def _rows(X: Floats) -> Floats:
    return X.reshape(-1, X.shape[-1])
