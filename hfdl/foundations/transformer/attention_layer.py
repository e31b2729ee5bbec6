"""Scaled dot-product attention with its backward pass, and with dropout of the weights.

    scores = Q K^T / sqrt(K)        weights = softmax(scores)        Y = weights V

In the backward pass each product gives a gradient to both of its factors:

    dV = weights^T dY               d_weights = dY V^T
    dQ = d_scores K / sqrt(K)       dK = d_scores^T Q / sqrt(K)

The formula and its steps, to look at: ``hfdl.foundations.transformer.attention``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.activations import Softmax
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.initialization import Rng
from hfdl.foundations.layer import Booleans, Floats
from hfdl.foundations.recurrent.sequences import causal_mask
from hfdl.foundations.transformer.attention import check_shapes, masked, scale_of, scores

AttentionBackprop = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""From the gradient of the output to those of q, k and v."""


class ScaledDotProductAttention:
    """The equations above.

    It learns nothing, and takes three inputs where a ``Layer`` takes one;
    ``hfdl.foundations.transformer.multi_head`` puts the layer around it.

    Args:
        causal: no query sees a key after its own position; the queries are the last of the keys'
            positions.
        dropout: probability of dropping a weight, in training.
        scale: what scores are multiplied by; 1 / sqrt(K) where it is None.
        rng: of the dropout.
    """

    def __init__(
        self,
        *,
        causal: bool = False,
        dropout: float = 0.0,
        scale: float | None = None,
        rng: Rng = None,
    ) -> None:
        self.causal, self.scale = causal, scale
        self.softmax = Softmax()
        self.dropout = Dropout(dropout, rng=rng)

    def forward(
        self,
        q: Floats,
        k: Floats,
        v: Floats,
        mask: Booleans | None = None,
        *,
        train: bool = False,
    ) -> tuple[Floats, AttentionBackprop]:
        """Mix the values; q, k and v have the same axes before their last two.

        Args:
            q: (..., T, K).
            k: (..., S, K).
            v: (..., S, Kv).
            mask: bool, broadcastable to (..., T, S); True = may attend.
            train: whether weights are dropped.

        Returns:
            (..., T, Kv), zeros where a query may attend to nothing; and the backward pass:
            dY -> dq, dk, dv.

        Raises:
            ShapeError: the shapes do not fit each other, or the mask is not boolean.
        """
        check_shapes(q, k, v)
        if not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
            raise ShapeError(
                f"q {q.shape}, k {k.shape}, v {v.shape}",
                rule="q, k and v have the same axes before their last two",
            )
        if self.causal:
            earlier = causal_mask(q.shape[-2], k.shape[-2])  # (T, S)
            mask = earlier if mask is None else mask & earlier
        scale = scale_of(q) if self.scale is None else self.scale
        scaled = scores(q, k) * scale  # (..., T, S)
        if mask is not None:
            scaled = masked(scaled, mask)
        weights, from_softmax = self.softmax.forward(scaled, train=train)
        weights, from_dropout = self.dropout.forward(weights, train=train)

        def backprop(dY: Floats) -> tuple[Floats, Floats, Floats]:
            dv = np.swapaxes(weights, -2, -1) @ dY  # (..., S, Kv)
            d_weights = from_dropout(dY @ np.swapaxes(v, -2, -1))  # (..., T, S)
            # A masked score has the weight 0, and softmax passes no gradient back to it.
            d_scores = from_softmax(d_weights) * scale
            return d_scores @ k, np.swapaxes(d_scores, -2, -1) @ q, dv

        return weights @ v, backprop
