"""Queries, keys and values of self-attention together, where that is faster than one by one.

    [Q  K  V] = X [W_Q  W_K  W_V]

``MultiHeadAttention`` asks here first. Joining copies the three weights in each call, so that names
and saved files stay as they are; narrow layers in training on a CPU earn the copy back where MKL
multiplies, or autocast is on. Projections that quantise their input do that once for all three.

Shapes: *B batch (none where sequences are packed), T tokens, D width, H heads, G key-value heads, K
head width.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.cpu import onednn
from hfdl.nn.linear import Linear, is_bare, is_watched, linear

NARROW = 512
"""Widest input for which weights are joined."""

Projected = Float[Tensor, "*B T _"]
"""What one projection gives."""


@runtime_checkable
class Projections(Protocol):
    """What is asked of a layer; ``MultiHeadAttention`` is one.

    Attributes:
        q_proj, k_proj, v_proj: the projections, from D to H K, G K and G K.
        num_heads: H.
        num_kv_heads: G.
        head_size: K.
    """

    q_proj: Linear
    k_proj: Linear
    v_proj: Linear
    num_heads: int
    num_kv_heads: int
    head_size: int


@runtime_checkable
class SharingInput(Protocol):
    """A projection that does something to its input first; once is enough for several."""

    def together(self, x: Float[Tensor, "*B T D"], *others: nn.Module) -> list[Projected]:
        """The answers of this one and of others of its class."""
        ...


def joined_qkv(
    layer: Projections, x: Float[Tensor, "*B T D"]
) -> tuple[Float[Tensor, "*B T H K"], Float[Tensor, "*B T G K"], Float[Tensor, "*B T G K"]] | None:
    """Queries, keys and values of one input, together.

    None where three products are faster, or where a projection must be called itself.
    """
    if (parts := _together(layer, x)) is not None:
        # three of (..., T, H K) -> (..., T, H, K)
        q, k, v = (part.view(*part.shape[:-1], -1, layer.head_size) for part in parts)
        return q, k, v
    if not _pays(layer, x):
        return None
    projections = layer.q_proj, layer.k_proj, layer.v_proj
    heads = [layer.num_heads, layer.num_kv_heads, layer.num_kv_heads]
    weight = torch.cat([p.weight for p in projections])  # ((H + 2 G) K, D)
    biased = layer.q_proj.bias is not None  # pyright: ignore[reportUnnecessaryComparison]
    bias = torch.cat([p.bias for p in projections]) if biased else None
    joined = linear(x, weight, bias)  # (..., T, (H + 2 G) K)
    joined = joined.view(*x.shape[:-1], sum(heads), layer.head_size)  # -> (..., T, H + 2 G, K)
    q, k, v = torch.split(joined, heads, dim=-2)  # -> (..., T, H, K) and twice (..., T, G, K)
    return q, k, v


def _together(layer: Projections, x: Float[Tensor, "*B T D"]) -> list[Projected] | None:
    """What the projections give, where they are ``SharingInput``; else None."""
    projections = layer.q_proj, layer.k_proj, layer.v_proj
    first, *others = projections
    if not isinstance(first, SharingInput) or any(type(p) is not type(first) for p in others):
        return None
    return None if any(map(is_watched, projections)) else first.together(x, *others)


def _pays(layer: Projections, x: Float[Tensor, "*B T D"]) -> bool:
    """Whether one product is faster, and gives what the three would."""
    return (
        x.device.type == "cpu"
        and x.requires_grad
        and layer.q_proj.in_features <= NARROW
        and torch.is_grad_enabled()
        and not onednn.takes(x)
        and all(is_bare(p) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
    )
