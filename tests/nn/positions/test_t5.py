"""T5's relative bias against transformers', in both directions."""

from __future__ import annotations

import pytest
import torch
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Attention

from hfdl.errors import ShapeError
from hfdl.nn.positions import T5RelativeBias, t5_buckets

SIZES = [(32, 128), (8, 20), (6, 5), (33, 100)]


def pair(buckets: int, reach: int, both: bool) -> tuple[T5RelativeBias, T5Attention]:
    """Ours and theirs with the same weights."""
    torch.manual_seed(0)
    config = T5Config(
        d_model=6, d_kv=2, num_heads=3, is_decoder=not both,
        relative_attention_num_buckets=buckets, relative_attention_max_distance=reach,
    )  # fmt: skip
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0)
    theirs.relative_attention_bias.weight.data.normal_()
    ours = T5RelativeBias(buckets, reach, 3, bidirectional=both)
    ours.buckets.weight.data.copy_(theirs.relative_attention_bias.weight)
    return ours, theirs


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("buckets", "reach"), SIZES)
@pytest.mark.parametrize(("t", "s", "offset"), [(1, 1, 0), (7, 7, 0), (1, 9, 8), (4, 300, 200)])
def test_bias_and_gradient_are_those_of_transformers(
    buckets: int, reach: int, both: bool, t: int, s: int, offset: int
) -> None:
    ours, theirs = pair(buckets, reach, both)
    bias = ours(t, s, offset)
    wanted = theirs.compute_bias(t, s, past_seen_tokens=offset)
    assert bias.shape == (1, 3, t, s)
    assert torch.equal(bias, wanted)
    upstream = torch.randn_like(bias)
    bias.backward(upstream)
    wanted.backward(upstream)
    gradient = ours.buckets.weight.grad
    assert gradient is not None
    assert gradient.any()
    assert torch.equal(gradient, theirs.relative_attention_bias.weight.grad)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(("buckets", "reach"), SIZES)
def test_every_distance_has_the_bucket_of_transformers(
    buckets: int, reach: int, both: bool
) -> None:
    distances = torch.arange(-3000, 3001)
    ours = t5_buckets(distances, buckets, reach, bidirectional=both)
    assert torch.equal(ours, T5Attention._relative_position_bucket(distances, both, buckets, reach))
    assert ours.min() == 0
    assert ours.max() < buckets


def test_the_papers_sizes_by_hand() -> None:
    """32 buckets to 128: one each to 7, then larger ones; later keys in the second half."""

    def bucket(distance: int, both: bool) -> int:
        return int(t5_buckets(torch.tensor(distance), 32, 128, bidirectional=both))

    assert [bucket(-d, True) for d in (0, 1, 7, 8, 11, 12, 127, 128, 10**6)] == [
        0, 1, 7, 8, 8, 9, 15, 15, 15,
    ]  # fmt: skip
    assert [bucket(d, True) for d in (1, 7, 8, 10**6)] == [17, 23, 24, 31]
    assert [bucket(d, False) for d in (5, 1, 0, -1, -15, -16, -(10**6))] == [0, 0, 0, 1, 15, 16, 31]


@pytest.mark.parametrize(
    ("buckets", "reach", "both", "exact"), [(3, 128, True, 0), (1, 128, False, 0), (32, 8, True, 8)]
)
def test_sizes_that_cannot_work_are_refused(
    buckets: int, reach: int, both: bool, exact: int
) -> None:
    with pytest.raises(
        ShapeError, match=f"{buckets} buckets up to distance {reach}; .* {exact} wo"
    ):
        T5RelativeBias(buckets, reach, 2, both)
