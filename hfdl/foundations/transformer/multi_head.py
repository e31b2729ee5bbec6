"""Multi-head attention (Vaswani et al. 2017, section 3.2.2, https://arxiv.org/abs/1706.03762).

    MultiHead(X, M) = concat(head_1, ..., head_H) W_O
    head_h = Attention(X W_Q_h, M W_K_h, M W_V_h)

M is X itself in self-attention, and another sequence, the memory, in cross-attention. The heads'
projections are side by side in one matrix each, and a head is a block of K = D / H columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Booleans, Floats, Ints
from hfdl.foundations.recurrent.sequences import SequenceLayer, real_steps
from hfdl.foundations.transformer.attention_layer import ScaledDotProductAttention


class MultiHeadAttention(SequenceLayer):
    """Self-attention by ``forward``, cross-attention by ``attend``.

    Args:
        width: D.
        heads: H; it divides D.
        memory_width: M, of the memory in cross-attention; D where it is None.
        causal: no step sees a later one.
        dropout: probability of dropping an attention weight, in training.
        bias: whether the four projections have one.
        rng: of the weights and of the dropout.

    Raises:
        ShapeError: the heads do not divide the width.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        memory_width: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        if heads < 1 or width % heads:
            raise ShapeError(
                f"a width of {width} and {heads} heads", rule="the heads must divide the width"
            )
        random = generator(rng)
        memory_width = width if memory_width is None else memory_width
        self.heads = heads
        self.q_proj = Dense(width, width, bias=bias, rng=random)
        self.k_proj = Dense(memory_width, width, bias=bias, rng=random)
        self.v_proj = Dense(memory_width, width, bias=bias, rng=random)
        self.o_proj = Dense(width, width, bias=bias, rng=random)
        self.attention = ScaledDotProductAttention(causal=causal, dropout=dropout, rng=random)

    def forward(
        self,
        X: Any,
        *,
        lengths: Ints | None = None,
        mask: Booleans | None = None,
        train: bool = False,
    ) -> tuple[Floats, Backprop]:
        """Self-attention: (B, T, D) -> (B, T, D). Arguments as in ``attend``."""
        Y, from_both = self.attend(X, X, lengths=lengths, mask=mask, train=train)

        def backprop(dY: Floats) -> Floats:
            d_queries, d_memory = from_both(dY)
            return d_queries + d_memory  # X was both

        return Y, backprop

    def attend(
        self,
        X: Floats,
        memory: Floats,
        *,
        lengths: Ints | None = None,
        mask: Booleans | None = None,
        train: bool = False,
    ) -> tuple[Floats, Callable[[Floats], tuple[Floats, Floats]]]:
        """Cross-attention: queries from X, keys and values from the memory.

        Args:
            X: (B, T, D).
            memory: (B, S, M).
            lengths: (B,), the memory's real steps; no query sees the others.
            mask: bool, broadcastable to (B, H, T, S); True = may attend. It adds to ``lengths``
                and to causality, and allows nothing that they forbid.
            train: whether weights are dropped.

        Returns:
            (B, T, D), and the backward pass: dY -> dX, d_memory.

        Raises:
            ShapeError: an input, a length or the mask does not fit.
        """
        q, from_q = self.q_proj.forward(X, train=train)  # (B, T, D)
        k, from_k = self.k_proj.forward(memory, train=train)  # (B, S, D)
        v, from_v = self.v_proj.forward(memory, train=train)
        if lengths is not None:
            real = real_steps(lengths, *memory.shape[:2])[:, None, None]  # (B, 1, 1, S)
            mask = real if mask is None else mask & real
        mixed, from_attention = self.attention.forward(
            self._split(q), self._split(k), self._split(v), mask, train=train
        )
        Y, from_o = self.o_proj.forward(_join(mixed), train=train)  # (B, T, D)

        def backprop(dY: Floats) -> tuple[Floats, Floats]:
            dq, dk, dv = from_attention(self._split(from_o(dY)))  # (B, H, T or S, K)
            return from_q(_join(dq)), from_k(_join(dk)) + from_v(_join(dv))

        return Y, backprop

    def _split(self, x: Floats) -> Floats:
        """(B, T, D) -> (B, H, T, K): a head is a block of K columns."""
        B, T, D = x.shape
        return x.reshape(B, T, self.heads, D // self.heads).transpose(0, 2, 1, 3)


def _join(x: Floats) -> Floats:
    """(B, H, T, K) -> (B, T, D). It undoes ``_split``, and each is the other's gradient."""
    B, H, T, K = x.shape
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3)).reshape(B, T, H * K)
