"""One vector for a text, from one for each of its words.

Padding has no part in it, and a text without a word gets zeros, never NaN.

Shapes: B batch, T words, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from hfdl.errors import ConfigError, did_you_mean
from hfdl.nn.functional import masked_softmax
from hfdl.nn.lengths import real_steps
from hfdl.nn.linear import Linear

Pooling = Callable[[Float[Tensor, "B T D"], Shaped[Tensor, "B T"] | None], Float[Tensor, "B D"]]
"""From words and a mask, 1 or True at real words, or None where all are, to texts."""


def sum_pool(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
) -> Float[Tensor, "B D"]:
    """The sum of the real words."""
    return x.masked_fill(~real_steps(x, mask)[..., None], 0.0).sum(1)


def mean_pool(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
) -> Float[Tensor, "B D"]:
    """The mean of the real words."""
    count = real_steps(x, mask).sum(1, keepdim=True)  # (B, 1)
    return sum_pool(x, mask) / count.clamp(min=1)


def max_pool(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
) -> Float[Tensor, "B D"]:
    """The greatest number of each feature over the real words."""
    if x.shape[1] == 0:
        return sum_pool(x, mask)
    real = real_steps(x, mask)[..., None]  # (B, T, 1)
    greatest = x.masked_fill(~real, torch.finfo(x.dtype).min).amax(1)
    return greatest.masked_fill(~real.any(1), 0.0)


def last_state(
    x: Float[Tensor, "B T D"],
    mask: Shaped[Tensor, "B T"] | None = None,
    *,
    bidirectional: bool = False,
) -> Float[Tensor, "B D"]:
    """The output at the last real word, when all had been read.

    Args:
        x: outputs of a recurrent layer.
        mask: its real steps.
        bidirectional: the second half of D was read from right to left, so that its last state
            stands at the first real word.
    """
    if x.shape[1] == 0:
        return sum_pool(x, mask)
    real = real_steps(x, mask)
    steps = torch.arange(x.shape[1], device=x.device)  # (T,)
    rows = torch.arange(len(x), device=x.device)  # (B,)
    last = x[rows, (steps * real).argmax(1)]  # (B, D)
    if bidirectional:
        half = x.shape[2] // 2
        last = torch.cat([last[:, :half], x[rows, real.int().argmax(1), half:]], dim=-1)
    return last.masked_fill(~real.any(1, keepdim=True), 0.0)


def first_state(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
) -> Float[Tensor, "B D"]:
    """The first real word, such as ``[CLS]``."""
    if x.shape[1] == 0:
        return sum_pool(x, mask)
    real = real_steps(x, mask)
    first = x[torch.arange(len(x), device=x.device), real.int().argmax(1)]  # (B, D)
    return first.masked_fill(~real.any(1, keepdim=True), 0.0)


def mean_sqrt_pool(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
) -> Float[Tensor, "B D"]:
    """The sum of the real words by the square root of their number, so that length still counts."""
    count = real_steps(x, mask).sum(1, keepdim=True)  # (B, 1)
    return sum_pool(x, mask) / count.clamp(min=1).to(x.dtype).sqrt()


def weighted_mean_pool(
    x: Float[Tensor, "B T D"],
    mask: Shaped[Tensor, "B T"] | None = None,
    positions: Shaped[Tensor, "B T"] | None = None,
) -> Float[Tensor, "B D"]:
    """The mean of the real words, each weighing its position (Muennighoff 2022, section 3.1.1).

    In a model that reads from left to right, a later word has seen more.

    Args:
        x: the words.
        mask: which of them are real.
        positions: their weights. Default: the real words counted from 1.
    """
    real = real_steps(x, mask)
    weights = (real.cumsum(1) if positions is None else positions) * real  # (B, T)
    weights = weights.to(x.dtype)
    total = weights.sum(1, keepdim=True)  # (B, 1)
    return sum_pool(x * weights[..., None], mask) / total.masked_fill(total == 0, 1.0)


class AttentionPooling(nn.Module):
    """A weighted mean, whose weights are learned (Yang et al. 2016, equations 5 to 7).

    softmax over t of q . tanh(W x_t + b)
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)
        self.query = Linear(hidden_size, 1, bias=False)

    def forward(
        self, x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None = None
    ) -> Float[Tensor, "B D"]:
        """The weighted mean of the real words."""
        scores = self.query(self.dense(x).tanh()).transpose(1, 2)  # (B, T, 1) -> (B, 1, T)
        weights = masked_softmax(scores, real_steps(x, mask)[:, None])
        return (weights @ x).squeeze(1)  # (B, 1, D) -> (B, D)


POOLINGS = ("last", "mean", "max", "attention")


def pooling(name: str, width: int, *, bidirectional: bool = False) -> Pooling:
    """The pooling that a configuration calls ``name``.

    Args:
        name: one of ``POOLINGS``.
        width: D.
        bidirectional: as for ``last_state``.

    Raises:
        ConfigError: there is none of that name.
    """
    check_pooling(name)
    plain = {"mean": mean_pool, "max": max_pool}
    if name == "last":
        return partial(last_state, bidirectional=bidirectional)
    return plain[name] if name in plain else AttentionPooling(width)


def check_pooling(name: str) -> None:
    """Refuse a pooling that does not exist.

    Raises:
        ConfigError: it is not one of ``POOLINGS``.
    """
    if name not in POOLINGS:
        raise ConfigError(
            f"unknown pooling {name!r}",
            rule=f"there are {', '.join(POOLINGS)}",
            remedy=did_you_mean(name, POOLINGS),
        )
