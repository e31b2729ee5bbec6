"""Attention with linear biases (Press et al. 2022, section 3, https://arxiv.org/abs/2108.12409).

softmax(q K^T / sqrt(K) - m [p - 0, p - 1, ..., 0])

for a query at position p and a slope m of each head: the further away, the less it counts. Nothing
is learned, and texts may be longer than those of training. The paper's models are causal. Where
later keys are seen too, in an encoder, they count less by their distance like the earlier ones: the
bias is -m |p - s|, so an encoder knows how far away a token stands and not on which side.

Shapes: H heads, T queries, S keys.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hfdl.errors import ShapeError


def alibi_slopes(num_heads: int) -> Float[Tensor, "H"]:
    """m of each head, in float64.

    For H = 2^n they fall from 2^(-8/H) to 2^-8 in equal ratios. For other numbers the authors take
    the slopes of the power of two below, and then each second one of the power of two above.

    Raises:
        ShapeError: there is no head.
    """
    if num_heads < 1:
        raise ShapeError(f"{num_heads} heads", rule="attention has at least one head")
    below = 2 ** int(math.log2(num_heads))
    slopes = _geometric(below)
    if below < num_heads:
        slopes = torch.cat([slopes, _geometric(2 * below)[0::2][: num_heads - below]])
    return slopes


def alibi_bias(
    num_heads: int,
    T: int,  # noqa: N803
    S: int | None = None,  # noqa: N803
    *,
    offset: int | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Float[Tensor, "H T S"]:
    """What is added to the scaled scores: -m |p - s|.

    Args:
        num_heads: H.
        T: queries.
        S: keys; T where it is None.
        offset: the first query's position among the keys; None: the queries are the last T.
        dtype, device: of the result.

    Raises:
        ShapeError: there are no heads, or more queries than keys.
    """
    S = T if S is None else S  # noqa: N806
    if T > S and offset is None:
        raise ShapeError(
            f"{T} queries and {S} keys",
            rule="the queries are the last of the positions that have keys, so there are no more",
        )
    first = S - T if offset is None else offset
    queries, keys = torch.arange(first, first + T, device=device), torch.arange(S, device=device)
    distances = (queries[:, None] - keys[None, :]).abs()  # (T, S)
    slopes = alibi_slopes(num_heads).to(distances.device)
    return (-slopes[:, None, None] * distances).to(dtype)  # (H, T, S)


class AlibiBias(nn.Module):
    """``alibi_bias`` as a module without weights; one serves all layers of a stack.

    Args:
        num_heads: H.

    Raises:
        ShapeError: there are no heads.
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        alibi_slopes(num_heads)  # refuses here and not in the first forward
        self.num_heads = num_heads

    def forward(
        self,
        T: int,  # noqa: N803
        S: int,  # noqa: N803
        offset: int = 0,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | None = None,
    ) -> Float[Tensor, "1 H T S"]:
        """The bias for T queries that start at position ``offset`` and S keys that start at 0."""
        return alibi_bias(self.num_heads, T, S, offset=offset, dtype=dtype, device=device)[None]

    def extra_repr(self) -> str:
        """The heads, for ``print(model)``."""
        return f"{self.num_heads}"


def _geometric(count: int) -> Float[Tensor, "count"]:
    steps = torch.arange(1, count + 1, dtype=torch.float64)
    return 2.0 ** (-8.0 * steps / count)
