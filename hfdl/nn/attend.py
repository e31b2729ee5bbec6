"""Attention within the sequences of a padded or packed batch, with masks and caches.

``MultiHeadAttention`` makes queries, keys and values of single tokens; which tokens belong to one
sequence, which may see which, and what was seen before is the business of these. A model makes one
for each forward pass and hands it through its blocks, so no block knows of padding, of packing or
of caches.

Shapes: *B T is B T of a padded batch and N, the tokens of all sequences, of a packed one; so is M
for S keys; L tokens of the longest sequence; H heads, G key-value heads (G divides H), K head
width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hfdl.nn.functional import AttentionKernel
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import combine, sliding_window_mask
from hfdl.nn.packing import Packing


@runtime_checkable
class AttentionLayer(Protocol):
    """What attention is told of the layer it runs in; ``MultiHeadAttention`` is one.

    Attributes:
        scale: scores are q k^T times this.
        dropout: probability for the weights.
        layer_idx: the layer's number, for the cache.
        training: whether dropout is on.
    """

    scale: float
    dropout: float
    layer_idx: int
    training: bool


Queries = Float[Tensor, "*B T H K"]
Keys = Float[Tensor, "*B S G K"]
Attend = Callable[[AttentionLayer, Queries, Keys, Keys], Queries]
"""(layer, q, k, v) -> what each query reads from the values."""

Collected = list[Float[Tensor, "B H T _"] | None]
"""Each layer's attention weights, over its keys, in the order of the layers; None from a kernel
that has none."""


@runtime_checkable
class Cache(Protocol):
    """Keys and values of the positions so far; ``hfdl.nn.KVCache`` and transformers' caches."""

    def update(
        self, k: Float[Tensor, "B G T K"], v: Float[Tensor, "B G T K"], layer_idx: int
    ) -> tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]:
        """Add keys and values to a layer and give all of that layer back."""
        ...

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Positions so far."""
        ...

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """How many keys ``update`` will give for so many new ones, and the first's position."""
        ...


@runtime_checkable
class LayerKernel(Protocol):
    """A kernel that must know in which layer it runs, as transformers' attention functions do."""

    def in_layer(self, module: AttentionLayer) -> AttentionKernel:
        """The kernel for one layer."""
        ...


@dataclass(frozen=True)
class PaddedAttend:
    """Attention over a padded batch.

    Args:
        kernel: ``fused_attention``, ``attention``, or any function like them.
        mask: broadcastable to (B, H, T, S), True = may attend.
        causal: no query sees a later position.
        bias: added to the scores, broadcastable to (B, H, T, S).
        cache: earlier keys and values are put before the new ones.
        collect: takes each layer's weights.
    """

    kernel: AttentionKernel = fused_attention
    mask: Bool[Tensor, "... #T #S"] | None = None
    causal: bool = False
    bias: Float[Tensor, "... #T #S"] | None = None
    cache: Cache | None = None
    collect: Collected | None = None

    def __call__(
        self,
        module: AttentionLayer,
        q: Float[Tensor, "B T H K"],
        k: Float[Tensor, "B S G K"],
        v: Float[Tensor, "B S G K"],
    ) -> Float[Tensor, "B T H K"]:
        # (B, T, H, K) -> (B, H, T, K)
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        if self.cache is not None:
            k, v = self.cache.update(k, v, module.layer_idx)  # (B, G, S, K)
        in_layer = getattr(self.kernel, "in_layer", None)  # see LayerKernel
        kernel = self.kernel if in_layer is None else in_layer(module)
        out, weights = kernel(
            q, k, v, self.mask, scale=module.scale, bias=self.bias, causal=self.causal,
            dropout=module.dropout if module.training else 0.0,
        )  # fmt: skip
        if self.collect is not None:
            self.collect.append(weights)
        return out.transpose(1, 2)  # (B, H, T, K) -> (B, T, H, K)


@dataclass(frozen=True)
class PackedAttend:
    """Attention over a batch without padding.

    Sequences of one length are attended together: no padding and, but for a window, no mask. A
    block-diagonal mask over all N tokens would be exact too, and three to five times slower;
    padding the heads again, up to twice as slow in training on a CPU, but faster where there are
    many lengths that are short or nearly the same, see ``CALL``.

    Args:
        packing: the sequences.
        kernel: as in ``PaddedAttend``.
        causal: no query sees a later position of its sequence.
        window: a query sees this many positions, its own included, back and, where it is not
            causal, ahead; None: all.
        memory: in cross-attention the sequences of k and v, one for each of ``packing``'s; M
            tokens, elsewhere the same N.
        bias: added to the scores of the longest sequence. It depends on the distance of two tokens
            alone, so shorter sequences take its first rows and columns.
    """

    packing: Packing
    kernel: AttentionKernel = fused_attention
    causal: bool = False
    window: int | None = None
    memory: Packing | None = None
    bias: Float[Tensor, "1 H L L"] | None = None

    def __call__(
        self,
        module: AttentionLayer,
        q: Float[Tensor, "N H K"],
        k: Float[Tensor, "M G K"],
        v: Float[Tensor, "M G K"],
    ) -> Float[Tensor, "N H K"]:
        targets, sources = self.packing.lengths, (self.memory or self.packing).lengths
        groups = _by_length(targets, sources)
        if q.shape[-2] * _wasted(targets, sources) < CALL * (len(groups) - 1):
            return self._attend_padded(module, q, k, v)
        if _stand_together(groups, len(targets)):
            return self._attend_runs(module, q, k, v, groups)
        # B times (t, H, K)
        pieces = [
            torch.split(q, [*targets]),
            torch.split(k, [*sources]),
            torch.split(v, [*sources]),
        ]
        outs = list(pieces[0])  # what an empty sequence gets: nothing
        for (t, s), rows in groups.items():
            # b sequences of t tokens: (b, t, H, K)
            group = [torch.stack([x[row] for row in rows]) for x in pieces]
            for row, tokens in zip(rows, self._attend(module, group, t, s), strict=True):
                outs[row] = tokens  # (t, H, K)
        return torch.cat(outs)  # (N, H, K)

    def _attend_padded(
        self,
        module: AttentionLayer,
        q: Float[Tensor, "N H K"],
        k: Float[Tensor, "M G K"],
        v: Float[Tensor, "M G K"],
    ) -> Float[Tensor, "N H K"]:
        """As ``__call__``, the heads padded on the right for it."""
        targets, sources = self.packing.aligned, (self.memory or self.packing).aligned
        # (N, H, K) -> (B, t, H, K) and twice (M, G, K) -> (B, s, G, K)
        group = targets.unpack(q), sources.unpack(k), sources.unpack(v)
        real = None  # a causal query sees nothing behind it, so no padding
        if not self.causal:
            real = sources.unpack(torch.ones_like(k[:, 0, 0], dtype=torch.bool))[:, None, None]
        return targets.pack(self._attend(module, group, targets.width, sources.width, real))

    def _attend_runs(
        self,
        module: AttentionLayer,
        q: Float[Tensor, "N H K"],
        k: Float[Tensor, "M G K"],
        v: Float[Tensor, "M G K"],
        groups: Groups,
    ) -> Float[Tensor, "N H K"]:
        """As ``__call__`` where sequences of one length follow one another: no copies of them."""
        queries = torch.split(q, [t * len(rows) for (t, _), rows in groups.items()])
        lengths = [s * len(rows) for (_, s), rows in groups.items()]
        keys, values = torch.split(k, lengths), torch.split(v, lengths)
        outs: list[Tensor] = []
        for ((t, s), rows), *parts in zip(groups.items(), queries, keys, values, strict=True):
            b = len(rows)
            # (b * t, H, K) -> (b, t, H, K)
            group = [x.view(b, n, *x.shape[1:]) for x, n in zip(parts, (t, s, s), strict=True)]
            outs.append(self._attend(module, group, t, s).flatten(0, 1))  # (b * t, H, K)
        return torch.cat(outs)  # (N, H, K)

    def _attend(
        self,
        module: AttentionLayer,
        group: Sequence[Float[Tensor, "b _ _ K"]],
        t: int,
        s: int,
        real: Bool[Tensor, "b 1 1 s"] | None = None,
    ) -> Float[Tensor, "b t H K"]:
        """The attention of sequences of one length, each tensor (b, t or s, H or G, K).

        ``real`` says which keys are no padding; None: all that a query may see.
        """
        q, k, v = (x.transpose(1, 2) for x in group)  # (b, t, H, K) -> (b, H, t, K)
        mask = combine(self._mask(t, q.device), real)  # (t, t) and (b, 1, 1, s)
        out, _ = self.kernel(
            q, k, v, mask, scale=module.scale,
            bias=None if self.bias is None else self.bias[..., :t, :s],
            causal=self.causal and mask is None,
            dropout=module.dropout if module.training else 0.0,
        )  # fmt: skip
        return out.transpose(1, 2)

    def _mask(self, t: int, device: torch.device) -> Bool[Tensor, "t t"] | None:
        if self.window is None or t <= self.window:
            return None
        return sliding_window_mask(t, window=self.window, causal=self.causal, device=device)


CALL = 12_000
"""Scores of single heads that are computed in the time of one more call of a kernel: both forward
and backward, on a CPU."""


def _wasted(targets: tuple[int, ...], sources: tuple[int, ...]) -> int:
    """Scores of a head that a padded batch has beyond those of its real tokens."""
    real = sum(t * s for t, s in zip(targets, sources, strict=True))
    return len(targets) * max(targets, default=0) * max(sources, default=0) - real


Groups = dict[tuple[int, int], list[int]]
"""The numbers of the sequences that have a length of target and a length of source."""


def _stand_together(groups: Groups, sequences: int) -> bool:
    """Whether all sequences are in a group, and each group's follow one another.

    So they are in a batch that is sorted by length.
    """
    numbers = [row for rows in groups.values() for row in rows]
    return bool(numbers) and numbers == list(range(sequences))


def _by_length(targets: tuple[int, ...], sources: tuple[int, ...]) -> Groups:
    """The sequences of each length of target and source; empty targets are left out."""
    groups: Groups = {}
    for row, lengths in enumerate(zip(targets, sources, strict=True)):
        if lengths[0]:
            groups.setdefault(lengths, []).append(row)
    return groups
