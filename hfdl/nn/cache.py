"""Keys and values of the positions so far, so that each new token is computed once.

Without it, generating T tokens runs the model over 1 + 2 + ... + T positions. The memory is
2 * layers * B * G * S * K numbers, which is why grouped-query attention keeps G small.
"""

from __future__ import annotations

import torch
from torch import Tensor


class KVCache:
    """A growing cache, one pair (B, G, S, K) for each layer.

    It has the methods of transformers' caches, so that either serves hfdl's models and its search.
    """

    def __init__(self) -> None:
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def update(self, k: Tensor, v: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """Add keys and values (B, G, T, K) to a layer; gives all of that layer, (B, G, S, K)."""
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

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Give row i the past of row ``beam_idx[i]``; (B,), as beam search asks."""
        self.keys = [k.index_select(0, beam_idx) for k in self.keys]
        self.values = [v.index_select(0, beam_idx) for v in self.values]

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many keys a layer will give with ``query_length`` more, and the first's position."""
        return self.get_seq_length(layer_idx) + query_length, 0

    @property
    def nbytes(self) -> int:
        """Bytes that the cache holds."""
        return sum(x.nbytes for x in (*self.keys, *self.values))
