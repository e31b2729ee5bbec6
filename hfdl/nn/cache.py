"""Key-value cache for generation: each new token is computed once.

Without it, generating T tokens runs the model over 1 + 2 + ... + T positions. The memory is
2 * layers * B * G * S * K numbers, which is why grouped-query attention keeps G small.

Shapes: B batch, G key-value heads, T new positions, S all positions, K head width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


class KVCache:
    """A growing cache, one pair (B, G, S, K) for each layer.

    It has the methods of transformers' caches, so that either serves hfdl's models and its search.
    """

    def __init__(self) -> None:
        self.keys: list[Float[Tensor, "B G S K"]] = []
        self.values: list[Float[Tensor, "B G S K"]] = []

    def update(
        self, k: Float[Tensor, "B G T K"], v: Float[Tensor, "B G T K"], layer_idx: int
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Add keys and values to a layer; gives all of that layer."""
        if layer_idx == len(self.keys):
            self.keys.append(k)
            self.values.append(v)
        else:
            self.keys[layer_idx] = torch.cat([self.keys[layer_idx], k], dim=2)
            self.values[layer_idx] = torch.cat([self.values[layer_idx], v], dim=2)
        return self.keys[layer_idx], self.values[layer_idx]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions that a layer holds."""
        return self.keys[layer_idx].shape[2] if layer_idx < len(self.keys) else 0

    def reorder_cache(self, beam_idx: Int[Tensor, "B"]) -> None:
        """Give row i the past of row ``beam_idx[i]``, as beam search asks."""
        self.keys = [k.index_select(0, beam_idx) for k in self.keys]
        self.values = [v.index_select(0, beam_idx) for v in self.values]

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many keys a layer will give with ``query_length`` more, and the first's position."""
        return self.get_seq_length(layer_idx) + query_length, 0

    @property
    def nbytes(self) -> int:
        """Bytes that the cache holds."""
        return sum(x.nbytes for x in (*self.keys, *self.values))
