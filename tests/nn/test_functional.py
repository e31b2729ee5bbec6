"""Attention against torch's own, and its two kernels against each other."""

import pytest
import torch
from torch.nn import functional as F

from hfdl.errors import ShapeError
from hfdl.nn.functional import attention, masked_softmax, repeat_heads
from hfdl.nn.fused import fused_attention

KERNELS = [attention, fused_attention]
# B, H, G, T, S, K: sizes of one, odd sizes, more keys than queries, every kind of head sharing.
SHAPES = [
    (1, 1, 1, 1, 1, 1),
    (2, 4, 4, 5, 5, 8),
    (3, 6, 2, 7, 7, 5),
    (1, 5, 1, 3, 9, 3),
    (2, 4, 2, 1, 6, 16),
]


def qkv(shape, dtype=torch.float64, seed=0):
    b, h, g, t, s, k = shape
    generator = torch.Generator().manual_seed(seed)
    sizes = [(b, h, t, k), (b, g, s, k), (b, g, s, k)]
    return [
        (2 * torch.randn(size, generator=generator, dtype=dtype)).requires_grad_() for size in sizes
    ]


def torch_says(q, k, v, mask=None, **options):
    groups = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(groups, 1) for x in (k, v))
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return F.scaled_dot_product_attention(q, k, v, mask, **options)


def compare(ours, theirs, inputs, bound=1e-12):
    """Outputs and the gradients of all inputs."""
    assert (ours - theirs).abs().max() <= bound
    seed = torch.linspace(-1, 1, theirs.numel(), dtype=theirs.dtype).view(theirs.shape)
    mine = torch.autograd.grad(ours, inputs, seed)
    reference = torch.autograd.grad(theirs, inputs, seed)
    for a, b in zip(mine, reference, strict=True):
        assert b.abs().max() > 0
        assert (a - b).abs().max() <= bound * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_are_torchs(kernel, shape) -> None:
    inputs = qkv(shape)
    if shape[4] == 1:  # one key: the weights are 1 whatever q and k are
        out, _ = kernel(*inputs)
        assert torch.equal(out, inputs[2])
        return
    compare(kernel(*inputs)[0], torch_says(*inputs), inputs)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("shape", [s for s in SHAPES if s[4] > 1])
def test_causal_queries_are_the_last_of_the_positions(kernel, shape) -> None:
    inputs = qkv(shape)
    t, s = shape[3], shape[4]
    mask = torch.ones(t, s, dtype=torch.bool).tril(s - t)
    compare(kernel(*inputs, causal=True)[0], torch_says(*inputs, mask), inputs)


@pytest.mark.parametrize("kernel", KERNELS)
def test_mask_bias_scale_and_causality_together(kernel) -> None:
    inputs = qkv((2, 4, 2, 5, 7, 8))
    mask = torch.rand(2, 1, 1, 7, generator=torch.Generator().manual_seed(1)) > 0.3
    mask[..., 0] = True
    bias = torch.randn(1, 4, 5, 7, dtype=torch.float64)
    additive = bias.masked_fill(~(mask & torch.ones(5, 7, dtype=torch.bool).tril(2)), -torch.inf)
    ours, _ = kernel(*inputs, mask, bias=bias, scale=0.3, causal=True)
    compare(ours, torch_says(*inputs, additive, scale=0.3), inputs)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_query_without_keys_gets_zeros_and_harms_nobody(kernel, with_bias, dtype) -> None:
    inputs = qkv((2, 2, 2, 3, 4, 8), dtype)
    mask = torch.ones(2, 1, 3, 4, dtype=torch.bool)
    mask[0, 0, 1] = False
    bias = torch.zeros(1, 1, 3, 4, dtype=dtype) if with_bias else None
    out, weights = kernel(*inputs, mask, bias=bias)
    assert (out[0, :, 1] == 0).all()
    assert weights is None or (weights[0, :, 1] == 0).all()
    others = torch.ones(2, 2, 3, 1, dtype=torch.bool)
    others[0, :, 1] = False
    (out * others).sum().backward()
    for x in inputs:
        assert x.grad is not None
        assert x.grad.isfinite().all()
    assert torch.allclose(out[1], kernel(*[x[1:] for x in inputs])[0][0], atol=1e-2)


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_are_a_softmax_over_the_allowed_keys(shape) -> None:
    q, k, v = qkv(shape)
    mask = torch.ones(shape[3], shape[4], dtype=torch.bool).tril(shape[4] - shape[3])
    out, weights = attention(q, k, v, mask)
    assert weights.shape == (shape[0], shape[1], shape[3], shape[4])
    assert (weights.sum(-1) - 1).abs().max() < 1e-12
    assert (weights[..., ~mask] == 0).all()
    scores = torch.einsum("bhtk,bhsk->bhts", q, repeat_heads(k, shape[1] // shape[2]))
    scores = (scores * shape[5] ** -0.5).masked_fill(~mask, -torch.inf)
    assert (weights - torch.softmax(scores, -1)).abs().max() < 1e-14
    values = repeat_heads(v, shape[1] // shape[2])
    assert (torch.einsum("bhts,bhsk->bhtk", weights, values) - out).abs().max() < 1e-12


def test_neighbouring_heads_share_keys() -> None:
    x = torch.arange(2.0).view(1, 2, 1, 1)
    assert repeat_heads(x, 3).flatten().tolist() == [0, 0, 0, 1, 1, 1]


def test_softmax_of_half_types_is_computed_in_float32() -> None:
    scores = (40 * torch.randn(3, 200, generator=torch.Generator().manual_seed(0))).bfloat16()
    mask = torch.arange(200) < 150
    ours = masked_softmax(scores, mask)
    exact = scores.float().masked_fill(~mask, -torch.inf).softmax(-1)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, exact.bfloat16())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_bias_may_be_of_a_wider_type_than_queries(kernel, dropout) -> None:
    q = torch.randn(1, 2, 3, 4).bfloat16()
    out, _ = kernel(q, q, q, bias=torch.zeros(2, 3, 3), dropout=dropout)
    assert out.dtype == torch.bfloat16


def test_softmax_withstands_great_scores() -> None:
    scores = torch.tensor([[1e30, -1e30, 1e30]])
    assert torch.equal(masked_softmax(scores, None), torch.tensor([[0.5, 0.0, 0.5]]))


@pytest.mark.parametrize("kernel", KERNELS)
def test_dropout_keeps_the_expectation_and_the_seed_repeats_it(kernel) -> None:
    q, k, v = (x.detach() for x in qkv((64, 8, 8, 12, 12, 8), torch.float32))
    exact = kernel(q, k, v)[0]
    torch.manual_seed(3)
    first = kernel(q, k, v, dropout=0.25)[0]
    torch.manual_seed(3)
    again = kernel(q, k, v, dropout=0.25)[0]
    assert torch.equal(first, again)
    assert (first - exact).abs().max() > 0.1
    runs = torch.stack([kernel(q, k, v, dropout=0.25)[0] for _ in range(300)])
    error = (runs.mean(0) - exact) / (runs.std(0) / 300**0.5)
    assert abs(float(error.mean())) < 0.02  # no bias over 49,152 numbers
    assert 0.9 < float(error.std()) < 1.1


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([(1, 2, 3), (1, 2, 3), (1, 2, 3)], "(1, 2, 3)"),
        ([(1, 2, 3, 4), (1, 2, 5, 6), (1, 2, 5, 6)], "q and k the head width"),
        ([(1, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4)], "share the batch"),
        ([(1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 6, 4)], "k and v all the rest"),
        ([(1, 4, 3, 4), (1, 3, 5, 4), (1, 3, 5, 4)], "4 query heads and 3 key-value heads"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(kernel, shapes, text) -> None:
    with pytest.raises(ShapeError) as caught:
        kernel(*(torch.zeros(shape) for shape in shapes))
    assert text in str(caught.value)
