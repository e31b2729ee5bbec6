"""The feed-forward part of a transformer block: a wider layer, applied to each step by itself.

    Y = activation(X W_up + b_up) W_down + b_down

Vaswani et al. 2017, section 3.3 (https://arxiv.org/abs/1706.03762), with ReLU there.
"""

from __future__ import annotations

from typing import Any

from hfdl.foundations.activations import ReLU
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Floats, Layer


class FeedForward(Layer):
    """(..., D) -> (..., D) by the equation above.

    Args:
        width: D.
        hidden: F, as a rule 4 D.
        activation: a layer; ReLU where it is None.
        dropout: probability of dropping a hidden number, in training.
        rng: of the weights and of the dropout.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        *,
        activation: Layer | None = None,
        dropout: float = 0.0,
        rng: Rng = None,
    ) -> None:
        random = generator(rng)
        self.up_proj = Dense(width, hidden, rng=random)
        self.activation = ReLU() if activation is None else activation
        self.dropout = Dropout(dropout, rng=random)
        self.down_proj = Dense(hidden, width, rng=random)

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        hidden, from_up = self.up_proj.forward(X, train=train)  # (..., F)
        hidden, from_activation = self.activation.forward(hidden, train=train)
        hidden, from_dropout = self.dropout.forward(hidden, train=train)
        Y, from_down = self.down_proj.forward(hidden, train=train)  # (..., D)

        def backprop(dY: Floats) -> Floats:
            return from_up(from_activation(from_dropout(from_down(dY))))

        return Y, backprop
