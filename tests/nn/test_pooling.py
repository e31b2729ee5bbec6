"""One vector for a text: each pooling against the real words alone, with any padding."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.nn.pooling import (
    POOLINGS,
    AttentionPooling,
    first_state,
    last_state,
    max_pool,
    mean_pool,
    mean_sqrt_pool,
    pooling,
    sum_pool,
    weighted_mean_pool,
)
from hfdl.nn.recurrence import KINDS
from hfdl.nn.recurrent import Recurrent

BOUND = 1e-12


def attention(width: int = 4) -> AttentionPooling:
    torch.manual_seed(3)
    return AttentionPooling(width).double()


def by_hand(pool: AttentionPooling, words: Tensor) -> Tensor:
    scores = torch.stack([pool.query.weight[0] @ pool.dense(word).tanh() for word in words])
    return sum(w * word for w, word in zip(scores.softmax(0), words, strict=True))  # pyright: ignore[reportReturnType]


# What each says of the real words (N, 4) of one text.
EXPECTED: dict[str, tuple[Any, Any]] = {
    "sum": (sum_pool, lambda words: words.sum(0)),
    "mean": (mean_pool, lambda words: words.sum(0) / len(words)),
    "max": (max_pool, lambda words: torch.stack(words.unbind()).max(0).values),
    "last": (last_state, lambda words: words[-1]),
    "last of both": (
        lambda x, mask: last_state(x, mask, bidirectional=True),
        lambda words: torch.cat([words[-1, :2], words[0, 2:]]),
    ),
    "first": (first_state, lambda words: words[0]),
    "mean by the root": (mean_sqrt_pool, lambda words: words.sum(0) / len(words) ** 0.5),
    "weighted mean": (
        weighted_mean_pool,
        lambda words: (
            sum((i + 1) * word for i, word in enumerate(words))
            / (len(words) * (len(words) + 1) / 2)
        ),
    ),
    "attention": (attention(), lambda words: by_hand(attention(), words)),
}


@pytest.mark.parametrize("name", EXPECTED)
@given(
    mask=st.integers(1, 6).flatmap(
        lambda t: st.lists(st.lists(st.booleans(), min_size=t, max_size=t), min_size=1, max_size=4)
    )
)
def test_only_real_words_count(name: str, mask: Any) -> None:
    pool, expected = EXPECTED[name]
    real = torch.tensor(mask)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*real.shape, 4, dtype=torch.float64, generator=generator) - 3  # below zero
    filled = x.masked_fill(~real[..., None], 1e3)
    pooled = pool(filled, real.long())
    assert pooled.shape == (len(real), 4)
    for row, words in enumerate(real):
        if words.any():
            assert (pooled[row] - expected(x[row, words])).abs().max() < BOUND
        else:
            assert not pooled[row].any()


def test_every_pooling_is_compared() -> None:
    assert set(POOLINGS) <= set(EXPECTED)
    assert len(EXPECTED) == 9


@pytest.mark.parametrize("name", EXPECTED)
def test_without_a_mask_every_word_counts(name: str) -> None:
    pool, _ = EXPECTED[name]
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    assert torch.equal(pool(x, None), pool(x, torch.ones(2, 3)))
    assert torch.equal(pool(x[:, :0], None), torch.zeros(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_are_central_differences_and_padding_has_none(name: str) -> None:
    pool, _ = EXPECTED[name]
    mask = torch.tensor([[1, 1, 0], [0, 1, 1], [0, 0, 0]])
    x = torch.randn(3, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: pool(x, mask), x)
    (gradient,) = torch.autograd.grad(pool(x, mask).square().sum(), x)
    assert gradient[mask.bool()].any(-1).sum() >= 2
    assert not gradient[~mask.bool()].any()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_last_state_is_the_recurrent_layers(kind: str, bidirectional: bool) -> None:
    layer = Recurrent(kind, 3, 5, num_layers=2, bidirectional=bidirectional).double()
    mask = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    output, state = layer(torch.randn(4, 4, 3, dtype=torch.float64), mask)
    last = state[0][2:] if bidirectional else state[0][1:]  # of the upper layer, (R, B, H)
    expected = last.transpose(0, 1).flatten(1)  # (B, R H)
    pooled = last_state(output, mask, bidirectional=bidirectional)
    assert (pooled - expected).abs().max() < BOUND


def test_poolings_by_name() -> None:
    x, mask = torch.randn(2, 3, 4), torch.tensor([[1, 1, 0], [1, 1, 1]])
    for name in POOLINGS:
        assert pooling(name, 4)(x, mask).shape == (2, 4)
        assert isinstance(pooling(name, 4), nn.Module) == (name == "attention")
    assert torch.equal(pooling("last", 4)(x, mask), last_state(x, mask))
    both = pooling("last", 4, bidirectional=True)(x, mask)
    assert torch.equal(both, last_state(x, mask, bidirectional=True))
    message = "unknown pooling 'maximum'; there are last, mean, max, attention. Did you mean 'max'?"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        pooling("maximum", 4)
