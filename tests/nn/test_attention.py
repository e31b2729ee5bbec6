"""Multi-head attention against torch's own module, and grouped heads against a written loop."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hfdl.errors import ShapeError
from hfdl.nn.attend import PackedAttend, PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.cache import KVCache
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.packing import Packing

BOUND = 1e-12
KERNELS = [attention, fused_attention]


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def ours_like(theirs: nn.MultiheadAttention) -> MultiHeadAttention:
    """Our module with the weights of torch's, whose three projections are one matrix."""
    memory_size = theirs.kdim if theirs.in_proj_weight is None else None
    bias = theirs.in_proj_bias is not None
    ours = MultiHeadAttention(
        theirs.embed_dim, theirs.num_heads, memory_size=memory_size, bias=bias, out_bias=bias
    ).double()
    if theirs.in_proj_weight is None:
        weights = [theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight]
    else:
        weights = list(theirs.in_proj_weight.chunk(3))
    projections = [ours.q_proj, ours.k_proj, ours.v_proj]
    with torch.no_grad():
        for projection, weight in zip(projections, weights, strict=True):
            projection.weight.copy_(weight)
        ours.o_proj.weight.copy_(theirs.out_proj.weight)
        if bias:
            for projection, part in zip(projections, theirs.in_proj_bias.chunk(3), strict=True):
                projection.bias.copy_(part)
            ours.o_proj.bias.copy_(theirs.out_proj.bias)
    return ours


def torch_attention(width: int, heads: int, **options: Any) -> nn.MultiheadAttention:
    """torch's module with every weight drawn, biases included: torch's are 0 at first."""
    module = nn.MultiheadAttention(width, heads, batch_first=True, dtype=torch.float64, **options)
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=i + 10) * 0.3)
    return module


# B, T, S, D, H
SHAPES = [(1, 1, 1, 4, 1), (2, 5, 5, 12, 3), (3, 4, 7, 10, 5), (1, 7, 2, 6, 2)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("b", "t", "s", "d", "h"), SHAPES)
def test_cross_attention_and_its_gradients_equal_torch(
    b: int, t: int, s: int, d: int, h: int, bias: bool, kernel: Any
) -> None:
    theirs = torch_attention(d, h, bias=bias)
    ours = ours_like(theirs)
    real = torch.ones(b, s, dtype=torch.bool)
    real[-1, s - s // 3 :] = False
    inputs = [(normal(b, t, d, seed=1), normal(b, s, d, seed=2)) for _ in range(2)]
    for x, memory in inputs:
        x.requires_grad_()
        memory.requires_grad_()
    (x1, m1), (x2, m2) = inputs
    expected, weights = theirs(x1, m1, m1, key_padding_mask=~real, average_attn_weights=False)
    collected: list[Tensor | None] = []
    attend = PaddedAttend(kernel, real[:, None, None], collect=collected)
    out = ours(x2, attend, memory=m2)
    assert (out - expected).abs().max() < BOUND
    if kernel is attention:
        assert collected[0] is not None
        assert (collected[0] - weights).abs().max() < BOUND
    else:
        assert collected == [None]
    expected.sin().sum().backward()
    out.sin().sum().backward()
    for mine, other in ((x2.grad, x1.grad), (m2.grad, m1.grad)):
        assert mine is not None
        assert (mine - other).abs().max() < BOUND
    pairs = gradients(ours, theirs)
    assert len(pairs) == (8 if bias else 4)
    for mine, other in pairs:
        assert (mine - other).abs().max() < BOUND


def gradients(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> list[tuple[Tensor, ...]]:
    """Gradients of each projection, ours and torch's."""
    projections = [ours.q_proj, ours.k_proj, ours.v_proj, ours.o_proj]
    weights = [*theirs.in_proj_weight.grad.chunk(3), theirs.out_proj.weight.grad]
    pairs = [(p.weight.grad, w) for p, w in zip(projections, weights, strict=True)]
    if theirs.in_proj_bias is not None:
        biases = [*theirs.in_proj_bias.grad.chunk(3), theirs.out_proj.bias.grad]
        pairs += [(p.bias.grad, b) for p, b in zip(projections, biases, strict=True)]
    return pairs


@pytest.mark.parametrize("kernel", KERNELS)
def test_self_attention_with_a_causal_mask_equals_torch(kernel: Any) -> None:
    theirs = torch_attention(12, 4)
    ours = ours_like(theirs)
    x = normal(3, 6, 12)
    barred = torch.ones(6, 6, dtype=torch.bool).triu(1)
    expected, _ = theirs(x, x, x, attn_mask=barred)
    out = ours(x, PaddedAttend(kernel, causal=True))
    assert (out - expected).abs().max() < BOUND
    assert (ours(x, PaddedAttend(kernel)) - expected).abs().max() > 1e-3


def test_a_memory_of_another_width_equals_torch() -> None:
    theirs = torch_attention(8, 2, kdim=5, vdim=5)
    x, memory = normal(2, 3, 8), normal(2, 4, 5, seed=1)
    out = ours_like(theirs)(x, PaddedAttend(), memory=memory)
    assert (out - theirs(x, memory, memory)[0]).abs().max() < BOUND


def by_loops(module: MultiHeadAttention, x: Tensor) -> Tensor:
    """Grouped attention, one number after the other: head h has key-value head h // (H / G)."""
    size, group = module.head_size, module.num_heads // module.num_kv_heads
    q, k, v = (p(x) for p in (module.q_proj, module.k_proj, module.v_proj))
    rows = []
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            heads = []
            for h in range(module.num_heads):
                g = h // group
                own = slice(g * size, (g + 1) * size)
                query = q[b, t, h * size : (h + 1) * size]
                scores = [float(query @ k[b, s, own]) / math.sqrt(size) for s in range(x.shape[1])]
                powers = [math.exp(score - max(scores)) for score in scores]
                parts = [p / sum(powers) * v[b, s, own] for s, p in enumerate(powers)]
                heads.append(torch.stack(parts).sum(0))
            rows.append(torch.cat(heads))
    return module.o_proj(torch.stack(rows).unflatten(0, x.shape[:2]))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("h", "g", "k"), [(4, 2, 3), (6, 2, None), (4, 1, None), (3, 3, 5)])
def test_grouped_heads_equal_a_written_loop(h: int, g: int, k: int | None, kernel: Any) -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(12, h, num_kv_heads=g, head_size=k).double()
    x = normal(2, 5, 12)
    assert module.k_proj.out_features == g * (k or 12 // h)
    with torch.no_grad():
        out = module(x, PaddedAttend(kernel))
        assert (out - by_loops(module, x)).abs().max() < BOUND


def test_an_unpadded_batch_gets_what_a_padded_one_gets() -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(12, 4, num_kv_heads=2).double()
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
    x, packing = normal(3, 4, 12), Packing.of(mask)
    packed = module(packing.pack(x), PackedAttend(packing))
    padded = module(x, PaddedAttend(mask=mask[:, None, None]))
    assert packed.shape == (8, 12)
    assert (packed - padded[mask]).abs().max() < BOUND


def test_a_memory_that_was_projected_before_gives_the_same() -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(12, 3, memory_size=7).double()
    x, memory = normal(2, 4, 12), normal(2, 5, 7, seed=1)
    projected = module.project_memory(memory)
    assert [tuple(part.shape) for part in projected] == [(2, 5, 3, 4)] * 2
    calls: list[int] = []
    module.k_proj.register_forward_hook(lambda *_: calls.append(1))
    out = module(x, PaddedAttend(), memory=projected)
    assert calls == []
    assert torch.equal(out, module(x, PaddedAttend(), memory=memory))


def test_steps_with_a_cache_equal_one_causal_pass() -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(8, 4, num_kv_heads=2).double()
    x, cache = normal(2, 5, 8), KVCache()
    whole = module(x, PaddedAttend(causal=True))
    attend = PaddedAttend(causal=True, cache=cache)
    steps = torch.cat([module(part, attend) for part in x.split([2, 1, 2], dim=1)], dim=1)
    assert cache.get_seq_length() == 5
    assert (steps - whole).abs().max() < BOUND


def test_norms_of_queries_and_keys_act_on_each_head() -> None:
    torch.manual_seed(0)
    plain = MultiHeadAttention(8, 2).double()
    normed = MultiHeadAttention(
        8, 2, q_norm=nn.LayerNorm(4).double(), k_norm=nn.LayerNorm(4).double()
    ).double()
    normed.load_state_dict(plain.state_dict(), strict=False)
    x = normal(2, 3, 8)

    def with_norms(q: Tensor, k: Tensor, v: Tensor, *args: Any, **options: Any) -> Any:
        q, k = (nn.functional.layer_norm(part, (4,)) for part in (q, k))
        return attention(q, k, v, *args, **options)

    expected = plain(x, PaddedAttend(with_norms))
    assert (normed(x, PaddedAttend(attention)) - expected).abs().max() < BOUND
    assert (plain(x, PaddedAttend()) - expected).abs().max() > 1e-3


def test_attention_weights_are_dropped_in_training_alone() -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(8, 2, dropout=0.5).double()
    x, seen = normal(2, 3, 8), []

    def spy(*args: Any, dropout: float, **options: Any) -> Any:
        seen.append(dropout)
        return attention(*args, dropout=0.0, **options)

    for mode in (True, False):
        module.train(mode)(x, PaddedAttend(spy))
    assert seen == [0.5, 0.0]


@pytest.mark.parametrize(
    ("width", "heads", "kv_heads", "message"),
    [
        (10, 4, None, "a width of 10 and 4 heads; the heads must divide the width. Change one of "
         "them, or give head_size"),
        (12, 4, 3, "4 heads and 3 key-value heads; the key-value heads must divide the heads"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(
    width: int, heads: int, kv_heads: int | None, message: str
) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        MultiHeadAttention(width, heads, num_kv_heads=kv_heads)
