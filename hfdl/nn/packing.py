"""Packed batches: the real tokens of all sequences one after another, without padding.

Everything in a transformer but attention looks at one token at a time, so it need not know which
sequence a token belongs to. A padded batch (B, T, D) of which half is padding costs twice the work
of its real tokens (N, D); the result is the same.

Shapes: B batch, T tokens of a padded row, N real tokens of all sequences, *D any more axes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from hfdl.errors import ShapeError


@dataclass(frozen=True)
class Packing:
    """Where the real tokens of a padded batch stand.

    Args:
        indices: of the real tokens in the flattened batch (B * T), in order.
        lengths: real tokens of each sequence; their sum is N.
        width: T of the padded batch.
    """

    indices: Int[Tensor, "N"]
    lengths: tuple[int, ...]
    width: int

    @classmethod
    def of(cls, mask: Shaped[Tensor, "B T"]) -> Packing:
        """The packing of a mask, True or 1 at real tokens; padding may be on any side.

        Raises:
            ShapeError: the mask is not of two dimensions.
        """
        if mask.dim() != 2:
            raise ShapeError(
                f"the mask is of shape {tuple(mask.shape)}",
                rule="a packing is made of a mask (B, T) of real tokens",
            )
        real = mask.bool()
        lengths: tuple[int, ...] = tuple(cast(Any, real.sum(1)).tolist())
        return cls(real.flatten().nonzero().squeeze(1), lengths, mask.shape[1])

    @property
    def batch_size(self) -> int:
        """B."""
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        """N."""
        return len(self.indices)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(self.lengths, default=0)

    def pack(self, x: Shaped[Tensor, "B T *D"]) -> Shaped[Tensor, "N *D"]:
        """The real tokens of a padded batch."""
        return x.flatten(0, 1).index_select(0, self.indices)  # (B * T, ...) -> (N, ...)

    def unpack(self, x: Shaped[Tensor, "N *D"]) -> Shaped[Tensor, "B T *D"]:
        """Back to a padded batch with zeros at the padding."""
        flat = x.new_zeros(self.batch_size * self.width, *x.shape[1:])
        flat = flat.index_copy(0, self.indices, x)
        return flat.view(self.batch_size, self.width, *x.shape[1:])  # (B * T, ...) -> (B, T, ...)

    @functools.cached_property
    def aligned(self) -> Packing:
        """Of the same sequences in the narrowest batch, all padding on the right."""
        real = torch.arange(self.longest) < torch.tensor(self.lengths)[:, None]  # (B, L)
        return Packing.of(real.to(self.indices.device))

    def positions(self) -> Int[Tensor, "N"]:
        """The position of each token in its own sequence, from 0."""
        lengths = torch.tensor(self.lengths, device=self.indices.device)
        starts = lengths.cumsum(0) - lengths  # (B,)
        counted = torch.arange(self.tokens, device=self.indices.device)
        return counted - starts.repeat_interleave(lengths)

    def firsts(self) -> Int[Tensor, "B"]:
        """The index of each sequence's first token among the N.

        Raises:
            ShapeError: a sequence has no token.
        """
        return self._edges()[0]

    def lasts(self) -> Int[Tensor, "B"]:
        """The index of each sequence's last token among the N; raises as ``firsts``."""
        return self._edges()[1]

    def _edges(self) -> tuple[Int[Tensor, "B"], Int[Tensor, "B"]]:
        if 0 in self.lengths:
            raise ShapeError(
                f"sequence {self.lengths.index(0)} of the batch has no token",
                rule="a sequence that is read by its first or last token must have one",
                remedy="leave it out of the batch",
            )
        lengths = torch.tensor(self.lengths, device=self.indices.device)
        ends = lengths.cumsum(0)
        return ends - lengths, ends - 1
