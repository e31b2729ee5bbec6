"""The transformer's encoder block: attention and feed-forward, each with a residual and a norm.

Post-norm is the original (Vaswani et al. 2017, section 3.1) and BERT's:

    U = norm(X + attention(X))        Y = norm(U + feed_forward(U))

Pre-norm is GPT-2's and Llama's (Xiong et al. 2020, https://arxiv.org/abs/2002.04745):

    U = X + attention(norm(X))        Y = U + feed_forward(norm(U))

A sum passes its gradient to both of its parts, so along each residual the gradient goes through no
weight. In pre-norm it reaches the first block from the last without passing a norm either.
"""

from __future__ import annotations

from typing import Any

from hfdl.foundations.dropout import Dropout
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Booleans, Floats, Ints, Layer
from hfdl.foundations.recurrent.sequences import SequenceLayer
from hfdl.foundations.transformer.feed_forward import FeedForward
from hfdl.foundations.transformer.layer_norm import LayerNorm
from hfdl.foundations.transformer.multi_head import MultiHeadAttention


class _Block(SequenceLayer):
    """The parts that both orders share. (B, T, D) -> (B, T, D).

    Args:
        attention: self-attention of width D.
        feed_forward: D -> D, step by step.
        attention_norm, feed_forward_norm: one for each residual.
        dropout: probability of dropping a number of what is added to a residual, in training.
        rng: of the dropout.
    """

    def __init__(
        self,
        attention: MultiHeadAttention,
        feed_forward: Layer,
        attention_norm: Layer,
        feed_forward_norm: Layer,
        *,
        dropout: float = 0.0,
        rng: Rng = None,
    ) -> None:
        self.attention, self.attention_norm = attention, attention_norm
        self.feed_forward, self.feed_forward_norm = feed_forward, feed_forward_norm
        self.dropout = Dropout(dropout, rng=rng)


class PostNormBlock(_Block):
    """norm(X + attention(X)), then norm(U + feed_forward(U)); arguments as in ``_Block``."""

    def forward(
        self,
        X: Any,
        *,
        lengths: Ints | None = None,
        mask: Booleans | None = None,
        train: bool = False,
    ) -> tuple[Floats, Backprop]:
        """(B, T, D) -> (B, T, D); lengths and mask as in ``MultiHeadAttention``."""
        attended, from_attention = self.attention.forward(
            X, lengths=lengths, mask=mask, train=train
        )
        attended, from_dropout = self.dropout.forward(attended, train=train)
        U, from_attention_norm = self.attention_norm.forward(X + attended, train=train)
        fed, from_feed_forward = self.feed_forward.forward(U, train=train)
        fed, from_second_dropout = self.dropout.forward(fed, train=train)
        Y, from_feed_forward_norm = self.feed_forward_norm.forward(U + fed, train=train)

        def backprop(dY: Floats) -> Floats:
            d_sum = from_feed_forward_norm(dY)
            dU = d_sum + from_feed_forward(from_second_dropout(d_sum))
            d_sum = from_attention_norm(dU)
            return d_sum + from_attention(from_dropout(d_sum))

        return Y, backprop


class PreNormBlock(_Block):
    """X + attention(norm(X)), then U + feed_forward(norm(U)); arguments as in ``_Block``."""

    def forward(
        self,
        X: Any,
        *,
        lengths: Ints | None = None,
        mask: Booleans | None = None,
        train: bool = False,
    ) -> tuple[Floats, Backprop]:
        """(B, T, D) -> (B, T, D); lengths and mask as in ``MultiHeadAttention``."""
        normed, from_attention_norm = self.attention_norm.forward(X, train=train)
        attended, from_attention = self.attention.forward(
            normed, lengths=lengths, mask=mask, train=train
        )
        attended, from_dropout = self.dropout.forward(attended, train=train)
        U = X + attended
        normed, from_feed_forward_norm = self.feed_forward_norm.forward(U, train=train)
        fed, from_feed_forward = self.feed_forward.forward(normed, train=train)
        fed, from_second_dropout = self.dropout.forward(fed, train=train)

        def backprop(dY: Floats) -> Floats:
            dU = dY + from_feed_forward_norm(from_feed_forward(from_second_dropout(dY)))
            return dU + from_attention_norm(from_attention(from_dropout(dU)))

        return U + fed, backprop


def encoder_block(
    width: int,
    heads: int,
    hidden: int,
    *,
    norm_first: bool = False,
    causal: bool = False,
    activation: Layer | None = None,
    dropout: float = 0.0,
    eps: float = 1e-5,
    rng: Rng = None,
) -> PostNormBlock | PreNormBlock:
    """A block with random weights; equal to ``torch.nn.TransformerEncoderLayer``.

    Args:
        width: D.
        heads: H.
        hidden: F, the width inside the feed-forward part.
        norm_first: pre-norm instead of post-norm.
        causal: no step sees a later one; with this it is GPT's block.
        activation: of the feed-forward part; ReLU where it is None.
        dropout: of attention weights, of hidden numbers, and of what is added to the residuals.
        eps: of the norms.
        rng: of the weights and of the dropout.
    """
    random = generator(rng)
    return (PreNormBlock if norm_first else PostNormBlock)(
        MultiHeadAttention(width, heads, causal=causal, dropout=dropout, rng=random),
        FeedForward(width, hidden, activation=activation, dropout=dropout, rng=random),
        LayerNorm(width, eps=eps),
        LayerNorm(width, eps=eps),
        dropout=dropout,
        rng=random,
    )
