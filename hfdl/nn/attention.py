"""Multi-head attention (Vaswani et al. 2017, section 3.2.2, https://arxiv.org/abs/1706.03762).

    MultiHead(X, M) = concat(head_1, ..., head_H) W_O
    head_h = Attention(X W_Q_h, M W_K_g, M W_V_g)

M is X itself in self-attention and the encoder's output in cross-attention. With fewer key-value
heads than query heads, head h uses key-value head g = h // (H / G): grouped-query attention, and
multi-query where G is 1.

Shapes: *B batch (none where sequences are packed), T queries, S keys, D width, M width of a
memory, H heads, G key-value heads, K head width.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hfdl.errors import ShapeError
from hfdl.nn.attend import Attend, Keys, Queries
from hfdl.nn.joined_qkv import joined_qkv
from hfdl.nn.linear import Linear
from hfdl.nn.positions import Rotation, rotate

Projected = tuple[Keys, Keys]
"""Keys and values of a memory."""


class MultiHeadAttention(nn.Module):
    """The four projections; who sees whom is ``attend``'s business.

    Args:
        hidden_size: D.
        num_heads: H.
        num_kv_heads: G; H where it is None.
        head_size: K; D / H where it is None.
        memory_size: width of the memory in cross-attention; D where it is None.
        bias: whether the projections of queries, keys and values have a bias.
        out_bias: whether the output projection has one.
        scale: what scores are multiplied by; K ** -0.5 where it is None.
        dropout: probability of dropping an attention weight in training.
        q_norm, k_norm: applied to each head's queries and keys (Qwen3).
        layer_idx: which layer of a cache this is.

    Raises:
        ShapeError: the heads do not divide the width, or the key-value heads the heads.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        head_size: int | None = None,
        memory_size: int | None = None,
        bias: bool = True,
        out_bias: bool = True,
        scale: float | None = None,
        dropout: float = 0.0,
        q_norm: nn.Module | None = None,
        k_norm: nn.Module | None = None,
        layer_idx: int = 0,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        _check_heads(hidden_size, num_heads, self.num_kv_heads, head_size)
        self.head_size = head_size or hidden_size // num_heads
        self.scale = self.head_size**-0.5 if scale is None else scale
        self.dropout, self.layer_idx = dropout, layer_idx
        memory_size = hidden_size if memory_size is None else memory_size
        width, kv_width = num_heads * self.head_size, self.num_kv_heads * self.head_size
        self.q_proj = Linear(hidden_size, width, bias=bias)
        self.k_proj = Linear(memory_size, kv_width, bias=bias)
        self.v_proj = Linear(memory_size, kv_width, bias=bias)
        self.o_proj = Linear(width, hidden_size, bias=out_bias)
        self.q_norm, self.k_norm = q_norm, k_norm

    def forward(
        self,
        x: Float[Tensor, "*B T D"],
        attend: Attend,
        *,
        memory: Float[Tensor, "*B S M"] | Projected | None = None,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "*B T D"]:
        """Attend from x to x, or to a memory.

        Args:
            x: a padded batch (B, T, D), or a packed one (N, D).
            attend: how tokens look at each other; it must fit the form of ``x``.
            memory: what is attended to, or what ``project_memory`` made of it.
            rotation: rotary positions.
        """
        # One product in the place of three where that is faster and gives the same; else None.
        joined = joined_qkv(self, x) if memory is None else None
        q, k, v = joined or self._project(x, x if memory is None else memory)
        if self.q_norm is not None:
            q = self.q_norm(q)
        if self.k_norm is not None and not isinstance(memory, tuple):
            k = self.k_norm(k)
        if rotation is not None:
            q, k = rotate(q, *rotation), rotate(k, *rotation)
        out = attend(self, q, k, v)  # (..., T, H, K)
        return self.o_proj(out.flatten(-2))  # (..., T, H * K) -> (..., T, D)

    def project_memory(self, memory: Float[Tensor, "*B S M"]) -> Projected:
        """Keys and values of a memory.

        In generation a memory is projected once and serves every step.
        """
        k, v = self._project_memory(memory)
        return (k if self.k_norm is None else self.k_norm(k)), v

    def _project(
        self, x: Float[Tensor, "*B T D"], memory: Float[Tensor, "*B S M"] | Projected
    ) -> tuple[Queries, Keys, Keys]:
        """X W_Q, M W_K and M W_V."""
        q = self.q_proj(x).unflatten(-1, (self.num_heads, self.head_size))  # -> (..., T, H, K)
        k, v = memory if isinstance(memory, tuple) else self._project_memory(memory)
        return q, k, v

    def _project_memory(self, memory: Float[Tensor, "*B S M"]) -> Projected:
        """Keys, not yet normalised, and values."""
        shape = (self.num_kv_heads, self.head_size)
        return self.k_proj(memory).unflatten(-1, shape), self.v_proj(memory).unflatten(-1, shape)


def _check_heads(width: int, heads: int, kv_heads: int, head_size: int | None) -> None:
    if head_size is None and width % heads:
        raise ShapeError(
            f"a width of {width} and {heads} heads",
            rule="the heads must divide the width",
            remedy="change one of them, or give head_size",
        )
    if heads % kv_heads:
        raise ShapeError(
            f"{heads} heads and {kv_heads} key-value heads",
            rule="the key-value heads must divide the heads",
        )
