"""ALiBi against the paper's numbers and transformers' Bloom."""

from __future__ import annotations

import pytest
import torch
from transformers.models.bloom.modeling_bloom import build_alibi_tensor

from hfdl.errors import ShapeError
from hfdl.nn.functional import attention
from hfdl.nn.positions import alibi_bias, alibi_slopes

HEADS = [1, 2, 3, 5, 6, 7, 8, 12, 16, 20]


def test_eight_heads_have_the_papers_slopes() -> None:
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]
    sixteen = alibi_slopes(16)
    assert sixteen[0] == pytest.approx(2**-0.5, rel=1e-15)
    torch.testing.assert_close(sixteen[1::2], alibi_slopes(8), rtol=1e-15, atol=0)


@pytest.mark.parametrize("heads", HEADS)
def test_slopes_are_those_of_bloom(heads: int) -> None:
    theirs = build_alibi_tensor(torch.ones(1, 2, dtype=torch.long), heads, torch.float32)
    slopes = theirs[:, 0, 1]  # its bias at key 1 is the slope itself
    assert alibi_slopes(heads).shape == (heads,)
    torch.testing.assert_close(alibi_slopes(heads).float(), slopes, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("t", "s"), [(1, 1), (1, 6), (3, 7), (5, 5)])
def test_bias_is_minus_slope_times_distance(t: int, s: int) -> None:
    bias, slopes = alibi_bias(6, t, s, dtype=torch.float64), alibi_slopes(6)
    assert bias.shape == (6, t, s)
    for h, q, k in [(h, q, k) for h in range(6) for q in range(t) for k in range(s)]:
        assert bias[h, q, k] == -slopes[h] * abs((s - t + q) - k)
    if t == s:
        assert torch.equal(bias, alibi_bias(6, t, dtype=torch.float64))


@pytest.mark.parametrize("heads", [2, 3])
def test_causal_attention_is_that_of_blooms_bias(heads: int) -> None:
    """Bloom adds m k and not -m (q - k): a row's softmax does not feel the difference."""
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, heads, 5, 4, dtype=torch.float64)
    theirs = build_alibi_tensor(torch.ones(1, 5, dtype=torch.long), heads, torch.float64)
    ours, _ = attention(q, k, v, bias=alibi_bias(heads, 5, dtype=torch.float64), causal=True)
    wanted, _ = attention(q, k, v, bias=theirs.view(1, heads, 1, 5), causal=True)
    # Bloom's slopes are float32.
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-6)
    assert not torch.allclose(ours, attention(q, k, v, causal=True)[0])


def test_dtype_and_mistakes() -> None:
    assert alibi_bias(2, 3).dtype == torch.float32
    with pytest.raises(ShapeError, match="0 heads; attention has at least one head"):
        alibi_slopes(0)
    with pytest.raises(ShapeError, match="5 queries and 3 keys"):
        alibi_bias(2, 5, 3)
