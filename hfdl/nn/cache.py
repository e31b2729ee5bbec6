"""Key-value cache for generation: each new token is computed once.

Without it, generating T tokens runs the model over 1 + 2 + ... + T positions. The memory is
2 * layers * B * G * S * K numbers, which is why grouped-query attention keeps G small.

Shapes: B batch, G key-value heads, T new positions, S all positions, K head width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROOM = 64
"""Fewest positions that room is made for at once; half of those so far where that is more."""


class KVCache:
    """A growing cache, one pair (B, G, S, K) for each layer.

    It has the methods of transformers' caches, so that either serves hfdl's models and its search.
    Each layer has room for more positions than it holds, so that a step writes its own alone;
    where gradients are wanted, a step copies all of them instead.
    """

    def __init__(self) -> None:
        self._rooms: list[tuple[Tensor, Tensor]] = []  # (B, G, S + more, K) twice
        self._lengths: list[int] = []

    @property
    def keys(self) -> list[Float[Tensor, "B G S K"]]:
        """Of each layer."""
        return [k[:, :, :n] for (k, _), n in zip(self._rooms, self._lengths, strict=True)]

    @property
    def values(self) -> list[Float[Tensor, "B G S K"]]:
        """Of each layer."""
        return [v[:, :, :n] for (_, v), n in zip(self._rooms, self._lengths, strict=True)]

    def update(
        self, k: Float[Tensor, "B G T K"], v: Float[Tensor, "B G T K"], layer_idx: int
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Add keys and values to a layer; gives all of that layer."""
        if layer_idx == len(self._rooms):
            self._rooms.append((k, v))
            self._lengths.append(k.shape[2])
            return k, v
        past = self._lengths[layer_idx]
        end = self._lengths[layer_idx] = past + k.shape[2]
        old_k, old_v = self._rooms[layer_idx]
        pair = _added(old_k, k, past), _added(old_v, v, past)
        self._rooms[layer_idx] = pair
        return pair[0][:, :, :end], pair[1][:, :, :end]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions that a layer holds."""
        return self._lengths[layer_idx] if layer_idx < len(self._lengths) else 0

    def reorder_cache(self, beam_idx: Int[Tensor, "B"]) -> None:
        """Give row i the past of row ``beam_idx[i]``, as beam search asks."""
        self._rooms = [
            (k.index_select(0, beam_idx), v.index_select(0, beam_idx)) for k, v in self._rooms
        ]

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """How many keys a layer will give with ``query_length`` more, and the first's position."""
        return self.get_seq_length(layer_idx) + query_length, 0

    @property
    def nbytes(self) -> int:
        """Bytes that the cache takes, its room included."""
        return sum(x.nbytes for pair in self._rooms for x in pair)


def _added(
    room: Float[Tensor, "B G _ K"], new: Float[Tensor, "B G T K"], past: int
) -> Float[Tensor, "B G _ K"]:
    """A room whose first ``past`` positions are taken, with more behind them; a larger one if need
    be."""
    end = past + new.shape[2]
    if torch.is_grad_enabled() and (new.requires_grad or room.requires_grad):
        return torch.cat([room[:, :, :past], new], dim=2)
    # Tensors of inference mode cannot be written to outside it.
    is_open = not room.is_inference() or torch.is_inference_mode_enabled()
    if room.shape[2] < end or not is_open:
        batch, heads, _, width = new.shape
        larger = new.new_empty(batch, heads, end + max(ROOM, end // 2), width)
        larger[:, :, :past] = room[:, :, :past]
        room = larger
    room[:, :, past:end] = new
    return room
