"""Transformer blocks: attention and feed-forward, each with a residual and a norm.

Post-norm is the original (Vaswani et al. 2017, section 3.1) and BERT's: norm(x + f(x)). Pre-norm is
GPT-2's and Llama's: x + f(norm(x)), which leaves a clean residual path and trains without warm-up
(Xiong et al. 2020, https://arxiv.org/abs/2002.04745). The parts are given built, so that any
attention, feed-forward and norm fit any block.

Shapes: *B batch (none where sequences are packed), T tokens, D width, S tokens of the memory.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.attend import Attend
from hfdl.nn.attention import MultiHeadAttention, Projected
from hfdl.nn.dropout import Dropout
from hfdl.nn.positions import Rotation


class _Block(nn.Module):
    """The parts of a block that both orders share.

    Args:
        attention: self-attention of width D.
        feed_forward: D -> D, token by token.
        attention_norm, feed_forward_norm: one for each residual.
        dropout: applied to what is added to the residual, in training.
        attention_dropout: the same for what attention adds; ``dropout`` where it is None.
    """

    def __init__(
        self,
        attention: MultiHeadAttention,
        feed_forward: nn.Module,
        attention_norm: nn.Module,
        feed_forward_norm: nn.Module,
        dropout: float = 0.0,
        attention_dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.attention, self.attention_norm = attention, attention_norm
        self.feed_forward, self.feed_forward_norm = feed_forward, feed_forward_norm
        self.dropout = Dropout(dropout)
        self.attention_dropout = Dropout(
            dropout if attention_dropout is None else attention_dropout
        )


class PostNormBlock(_Block):
    """x = norm(x + attention(x)); x = norm(x + feed_forward(x))."""

    def forward(
        self, x: Float[Tensor, "*B T D"], attend: Attend, rotation: Rotation | None = None
    ) -> Float[Tensor, "*B T D"]:
        x = self.attention_norm(
            x + self.attention_dropout(self.attention(x, attend, rotation=rotation))
        )
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class PreNormBlock(_Block):
    """x = x + attention(norm(x)); x = x + feed_forward(norm(x))."""

    def forward(
        self, x: Float[Tensor, "*B T D"], attend: Attend, rotation: Rotation | None = None
    ) -> Float[Tensor, "*B T D"]:
        normed = self.attention_norm(x)
        x = x + self.attention_dropout(self.attention(normed, attend, rotation=rotation))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class _DecoderBlock(_Block):
    """A block that also looks at an encoder's output.

    Args:
        attention: causal self-attention.
        cross_attention: attention to the memory.
        feed_forward: D -> D.
        attention_norm, cross_attention_norm, feed_forward_norm: one for each residual.
        dropout: as in an encoder block.
    """

    def __init__(
        self,
        attention: MultiHeadAttention,
        cross_attention: MultiHeadAttention,
        feed_forward: nn.Module,
        attention_norm: nn.Module,
        cross_attention_norm: nn.Module,
        feed_forward_norm: nn.Module,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(attention, feed_forward, attention_norm, feed_forward_norm, dropout)
        self.cross_attention = cross_attention
        self.cross_attention_norm = cross_attention_norm


class PostNormDecoderBlock(_DecoderBlock):
    """norm(x + attention(x)), norm(x + cross_attention(x, memory)), norm(x + feed_forward(x))."""

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | Projected,
        attend: Attend,
        cross_attend: Attend,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "*B T D"]:
        attended = self.attention(x, attend, rotation=rotation)
        x = self.attention_norm(x + self.attention_dropout(attended))
        crossed = self.cross_attention(x, cross_attend, memory=memory)
        x = self.cross_attention_norm(x + self.dropout(crossed))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class PreNormDecoderBlock(_DecoderBlock):
    """x + attention(norm(x)), x + cross_attention(norm(x), memory), x + feed_forward(norm(x))."""

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        memory: Float[Tensor, "*B S D"] | Projected,
        attend: Attend,
        cross_attend: Attend,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "*B T D"]:
        attended = self.attention(self.attention_norm(x), attend, rotation=rotation)
        x = x + self.attention_dropout(attended)
        normed = self.cross_attention_norm(x)
        x = x + self.dropout(self.cross_attention(normed, cross_attend, memory=memory))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
