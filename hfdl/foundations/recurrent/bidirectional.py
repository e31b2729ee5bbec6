"""Combinations of recurrent layers: in both directions, and stacked."""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.initialization import Rng
from hfdl.foundations.layer import Backprop, Floats, Ints
from hfdl.foundations.recurrent.recurrence import State, StatefulLayer, ThroughTime
from hfdl.foundations.recurrent.sequences import reverse


class Bidirectional(StatefulLayer):
    """Reads forwards and backwards: (B, T, D) -> (B, T, H + H') (Schuster and Paliwal 1997).

    At every step the first H numbers know what came before, the rest what comes after.
    Equal to ``torch.nn.LSTM(bidirectional=True)`` and the like.

    Args:
        forwards: reads from the first step to the last.
        backwards: reads from each sequence's last real step to the first; its own layer.

    Raises:
        ConfigError: both are one layer.
    """

    def __init__(self, forwards: StatefulLayer, backwards: StatefulLayer) -> None:
        if forwards is backwards:
            raise ConfigError(
                "one layer is given for both directions",
                where="Bidirectional",
                rule="each direction has weights of its own",
                remedy="build two layers",
            )
        self.forwards, self.backwards = forwards, backwards

    @property
    def state_widths(self) -> tuple[int, ...]:
        """Those of the forward layer, then those of the backward one."""
        return self.forwards.state_widths + self.backwards.state_widths

    def run(
        self,
        X: Floats,
        *,
        lengths: Ints | None = None,
        state: State | None = None,
        train: bool = False,
    ) -> tuple[Floats, State, ThroughTime]:
        """See ``StatefulLayer.run``; the backward layer's final state is that at step 0."""
        state = self.start(state, len(X), X.dtype)
        count = len(self.forwards.state_widths)
        first, last, from_forwards = self.forwards.run(
            X, lengths=lengths, state=state[:count], train=train
        )
        second, earliest, from_backwards = self.backwards.run(
            reverse(X, lengths), lengths=lengths, state=state[count:], train=train
        )
        Y = np.concatenate([first, reverse(second, lengths)], axis=-1)  # (B, T, H + H')
        width = first.shape[-1]

        def backprop(dY: Floats, d_final: State | None = None) -> tuple[Floats, State]:
            d_final = self.start(d_final, len(X), dY.dtype)
            dX, d_first = from_forwards(dY[..., :width], d_final[:count])
            dX_reversed, d_second = from_backwards(
                reverse(dY[..., width:], lengths), d_final[count:]
            )
            return dX + reverse(dX_reversed, lengths), d_first + d_second

        return Y, last + earliest, backprop


class Stacked(StatefulLayer):
    """Layers one above the other, each reading the output of the one below.

    Equal to ``torch.nn.LSTM(num_layers=2)`` and the like.

    Args:
        layers: the output width of each is the input width of the next.
        dropout: probability of dropping a number between two layers, in training.
        rng: of the dropout.

    Raises:
        ConfigError: there is no layer.
    """

    def __init__(self, *layers: StatefulLayer, dropout: float = 0.0, rng: Rng = None) -> None:
        if not layers:
            raise ConfigError("Stacked() has no layer", rule="it needs at least one")
        self.layers = list(layers)
        self.dropout = Dropout(dropout, rng=rng)

    @property
    def state_widths(self) -> tuple[int, ...]:
        """Those of each layer, the lowest first."""
        return tuple(width for layer in self.layers for width in layer.state_widths)

    def run(
        self,
        X: Floats,
        *,
        lengths: Ints | None = None,
        state: State | None = None,
        train: bool = False,
    ) -> tuple[Floats, State, ThroughTime]:
        """See ``StatefulLayer.run``; a state holds the lowest layer's arrays first."""
        rest = self.start(state, len(X), X.dtype)
        final: State = ()
        steps: list[tuple[int, ThroughTime, Backprop | None]] = []
        Y = X
        for i, layer in enumerate(self.layers):
            from_dropout = None
            if i > 0:
                Y, from_dropout = self.dropout.forward(Y, train=train)
            count = len(layer.state_widths)
            own, rest = rest[:count], rest[count:]
            Y, own_final, through_time = layer.run(Y, lengths=lengths, state=own, train=train)
            final += own_final
            steps.append((count, through_time, from_dropout))

        def backprop(dY: Floats, d_final: State | None = None) -> tuple[Floats, State]:
            rest = self.start(d_final, len(X), dY.dtype)
            d_state: State = ()
            for count, through_time, from_dropout in reversed(steps):
                own, rest = rest[-count:], rest[:-count]
                dY, d_own = through_time(dY, own)
                d_state = d_own + d_state
                if from_dropout is not None:
                    dY = from_dropout(dY)
            return dY, d_state

        return Y, final, backprop
