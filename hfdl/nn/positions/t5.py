"""T5's relative positions (Raffel et al. 2020, section 2.1, https://arxiv.org/abs/1910.10683).

A learned number for each head and each bucket of distances is added to the scores. Half of the
buckets hold one distance each; the other half grow in equal ratios up to ``max_distance``, and all
that is further shares the last one.

Shapes: H heads, T queries, S keys.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hfdl.errors import ShapeError


def t5_buckets(
    distances: Int[Tensor, "*shape"], num_buckets: int, max_distance: int, *, bidirectional: bool
) -> Int[Tensor, "*shape"]:
    """The bucket of each distance.

    Args:
        distances: key's position less query's.
        num_buckets: how many there are.
        max_distance: from here on, all share the last bucket.
        bidirectional: half of the buckets are for later keys. Else these count as distance 0.
    """
    first = torch.zeros_like(distances)
    if bidirectional:
        num_buckets //= 2
        first = num_buckets * (distances > 0)
        distances = distances.abs()
    else:
        distances = -distances.clamp(max=0)
    exact = num_buckets // 2
    # In float32 as transformers: on a border between buckets the rounding decides.
    ratio = torch.log(distances.clamp(min=exact).float() / exact) / math.log(max_distance / exact)
    far = exact + (ratio * (num_buckets - exact)).long()
    return first + torch.where(distances < exact, distances, far.clamp(max=num_buckets - 1))


class T5RelativeBias(nn.Module):
    """The bias on the scores; one serves all layers of a stack.

    Args:
        num_buckets, max_distance, bidirectional: as in ``t5_buckets``.
        num_heads: H.

    Raises:
        ShapeError: there are too few buckets, or ``max_distance`` lies within the exact ones.
    """

    def __init__(
        self, num_buckets: int, max_distance: int, num_heads: int, bidirectional: bool
    ) -> None:
        super().__init__()
        exact = num_buckets // (4 if bidirectional else 2)
        if not 1 <= exact < max_distance:
            raise ShapeError(
                f"{num_buckets} buckets up to distance {max_distance}",
                rule=f"of these buckets {exact} would hold one distance each, which must be at "
                "least 1 and less than the greatest distance",
            )
        self.num_buckets, self.max_distance = num_buckets, max_distance
        self.bidirectional = bidirectional
        self.buckets = nn.Embedding(num_buckets, num_heads)

    def forward(self, T: int, S: int, offset: int = 0) -> Float[Tensor, "1 H T S"]:  # noqa: N803
        """The bias for T queries that start at position ``offset`` and S keys that start at 0."""
        device = self.buckets.weight.device
        queries = torch.arange(offset, offset + T, device=device)
        distances = torch.arange(S, device=device)[None, :] - queries[:, None]  # (T, S)
        buckets = t5_buckets(
            distances, self.num_buckets, self.max_distance, bidirectional=self.bidirectional
        )
        return self.buckets(buckets).permute(2, 0, 1)[None]  # (T, S, H) -> (1, H, T, S)

    def extra_repr(self) -> str:
        """The buckets, for ``print(model)``."""
        return f"max_distance={self.max_distance}, bidirectional={self.bidirectional}"
