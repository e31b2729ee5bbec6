"""One vector in, a sequence out: an image and its caption, a label and a text of that kind.

    state_0 = tanh(x W + b)                          what is to be written about
    state_t, y_t = cell(embedding(symbol_{t-1}), state_{t-1})
    scores_t = y_t W_s + b_s                         of every symbol that may come next

The vector is read once, as the state that the recurrent layer starts from (as in Vinyals et al.
2015, https://arxiv.org/abs/1411.4555, where it is the first input). From there the layer is a
language model: each step reads the symbol before it. In training that is the right one, in writing
the one that the network chose itself.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.activations import Tanh, softmax
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Floats, Ints, Layer
from hfdl.foundations.recurrent.gru import GRU
from hfdl.foundations.recurrent.recurrence import Recurrent
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.words.embedding import Embedding


class OneToMany(Layer):
    """(B, D) and symbols (B, T) -> scores (B, T, V) by the equations above.

    It is trained batch by batch:

        for chosen in batches(rng.permutation(len(X)), 32):
            update(network, softmax_cross_entropy, (X[chosen], ids[chosen]), ids[chosen], adam)
        network.write(X_new, steps=8)

    Symbols are numbered from 0 to V - 1. Sequences of unequal lengths end in a symbol for the end,
    which is learned as any other, and are filled up with it.

    Args:
        inputs: D.
        symbols: V.
        width: H, of the state.
        embedding: numbers that a symbol is read as.
        cell: the recurrent layer, (embedding -> H); a GRU where it is None. Of an LSTM the vector
            starts h, and c starts at zero.
        rng: of the weights.
    """

    def __init__(
        self,
        inputs: int,
        symbols: int,
        width: int,
        *,
        embedding: int = 16,
        cell: Recurrent | None = None,
        rng: Rng = None,
    ) -> None:
        random = generator(rng)
        self.start = Sequential(Dense(inputs, width, rng=random), Tanh())
        # One row more: what the first step reads, where there is no symbol before it.
        self.embed = Embedding(symbols + 1, embedding, rng=random)
        self.cell = GRU(embedding, width, rng=random) if cell is None else cell
        self.scores = Dense(width, symbols, rng=random)
        self.begin = symbols

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        """Score each symbol of a sequence, given the vector and the right symbols before it.

        Args:
            X: a pair: vectors (B, D), and symbols (B, T). Step t reads symbols before t only.
            train: as in every layer.

        Returns:
            (B, T, V), and the backward pass: dY -> the gradient of the vectors, (B, D).

        Raises:
            ShapeError: there is not one sequence for each vector.
            DataError: a symbol has no number from 0 to V - 1.
        """
        vectors, ids = X[0], np.asarray(X[1])
        if ids.ndim != 2 or len(ids) != len(vectors):
            raise ShapeError(
                f"vectors {np.shape(vectors)} and symbols {ids.shape}",
                where="OneToMany",
                rule="they are (B, D) and (B, T)",
            )
        before = np.concatenate([np.full((len(ids), 1), self.begin), ids[:, :-1]], axis=1)
        h, from_start = self.start.forward(vectors, train=train)  # (B, H)
        E, from_embed = self.embed.forward(before[:, : ids.shape[1]], train=train)  # (B, T, E)
        Y, _, through_time = self.cell.run(E, state=self._state(h), train=train)
        S, from_scores = self.scores.forward(Y, train=train)  # (B, T, V)

        def backprop(dS: Floats) -> Floats:
            dE, d_state = through_time(from_scores(dS))
            from_embed(dE)
            return from_start(d_state[0])

        return S, backprop

    def write(
        self,
        X: Floats,
        steps: int,
        *,
        end: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> Ints:
        """A sequence for each vector, each symbol chosen from the scores after those before it.

        Args:
            X: (B, D).
            steps: T, symbols of each sequence.
            end: a symbol; after it nothing else is written.
            rng: draws each symbol from its probabilities; None: the most probable one is taken.

        Returns:
            (B, T).
        """
        h = self.start(X)
        state, last = self._state(h), np.full((len(h), 1), self.begin)
        written = np.zeros((len(h), steps), np.int64)
        for t in range(steps):
            Y, state, _ = self.cell.run(self.embed(last), state=state)
            chosen = _choice(self.scores(Y[:, 0]), rng)  # (B,)
            if end is not None:
                chosen = np.where(last[:, 0] == end, end, chosen)
            written[:, t] = chosen
            last = chosen[:, None]
        return written

    def _state(self, h: Floats) -> tuple[Floats, ...]:
        return (h, *(np.zeros_like(h) for _ in self.cell.state_widths[1:]))


def _choice(scores: Floats, rng: np.random.Generator | None) -> Ints:
    """A symbol for each row of scores, (B, V) -> (B,)."""
    if rng is None:
        return scores.argmax(axis=-1)
    up_to = np.cumsum(softmax(scores), axis=-1)
    drawn = rng.random((len(scores), 1)) * up_to[:, -1:]
    return np.minimum((up_to <= drawn).sum(axis=-1), scores.shape[1] - 1)
