"""Attention in blocks with oneDNN's batched products, and when it is taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from hfdl.nn.cpu import attention_blocks, attention_gradient, onednn
from hfdl.nn.cpu.attention_blocks import SMALLEST, SMALLEST_IN_TRAINING, blocks
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import sliding_window_mask

MATMUL: Any = getattr(torch.backends.mkldnn, "matmul", None)
pytestmark = pytest.mark.skipif(
    not onednn.is_exact_in_batches(), reason="oneDNN would round to bfloat16 here"
)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of batched products that torch may leave to oneDNN, which is faster here."""
    shapes: list[tuple[int, ...]] = []

    def noted(kernel: Callable[..., Tensor], first: int) -> Callable[..., Tensor]:
        def multiply(*given: Any, **options: Any) -> Tensor:
            if MATMUL.fp32_precision == "bf16":
                left, right = given[first : first + 2]
                shapes.append((*left.shape, right.shape[-1]))
            return kernel(*given, **options)

        return multiply

    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    monkeypatch.setattr(torch, "bmm", noted(torch.bmm, 0))
    monkeypatch.setattr(torch, "baddbmm", noted(torch.baddbmm, 1))
    return shapes


def qkv(t: int, s: int, k: int, *, heads: int = 2, groups: int = 2, **to: Any) -> list[Tensor]:
    """(B, H, T, K) seen from (B, T, H, K), as a projection leaves them."""
    draw = torch.Generator().manual_seed(t + s)
    sizes = ((2, t, heads, k), (2, s, groups, k), (2, s, groups, k))
    made = [torch.randn(size, generator=draw, dtype=torch.float64) for size in sizes]
    return [x.transpose(1, 2).to(torch.float32).to(**to) for x in made]


def padding(t: int) -> Tensor:
    """(2, 1, 1, T): the second text is one token long."""
    return (torch.arange(t) < torch.tensor([[t], [1]]))[:, None, None]


def assert_close(ours: Tensor, exact: Tensor) -> None:
    assert ours.dtype == torch.float32
    assert (ours - exact).abs().max() <= 4e-6 * max(1.0, float(exact.abs().max()))


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize("kind", ["none", "causal", "padding", "window", "grouped"])
def test_training_equals_the_formula_in_float64(
    kind: str, dropout: float, held: bool, products: list[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    t, k = 181, 37  # above the bound, and no size is even
    assert 4 * t * t * k > SMALLEST_IN_TRAINING
    if not held:
        monkeypatch.setattr(attention_gradient, "HELD", 0)
        monkeypatch.setattr(attention_gradient, "BLOCK", t * t)  # of one head
    given = qkv(t, t, k, groups=1 if kind == "grouped" else 2)
    mask = {"padding": padding(t), "window": sliding_window_mask(t, window=7, causal=True)}
    results = []
    for dtype, kernel in ((torch.float32, fused_attention), (torch.float64, attention)):
        leaves = [x.detach().to(dtype).requires_grad_() for x in given]
        torch.manual_seed(1)
        out, _ = kernel(*leaves, mask.get(kind), causal=kind == "causal", dropout=dropout)
        of_out = torch.linspace(-1, 1, out.numel(), dtype=dtype).view_as(out)
        results.append([out, *torch.autograd.grad(out, leaves, of_out)])
    assert len(products) == (2 + 4 if held else 4 * (2 + 1 + 4))
    for ours, exact in zip(*results, strict=True):
        assert_close(ours.detach(), exact.detach())


@pytest.mark.parametrize("block", [1 << 20, 300 * 400])
@pytest.mark.parametrize("kind", ["none", "causal", "padding", "nothing to see", "each"])
def test_inference_equals_the_formula_in_float64(
    kind: str, block: int, products: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention_blocks, "BLOCK", block)
    t, s, k = 300, 400, 37
    assert 4 * t * s * k > SMALLEST
    q, key, value = qkv(t, s, k)
    draw = torch.Generator().manual_seed(1)
    masks = {
        "padding": padding(s), "nothing to see": torch.zeros(t, s, dtype=torch.bool),
        "each": torch.rand(2, 2, t, s, generator=draw) > 0.5,
    }  # fmt: skip
    out, _ = fused_attention(q, key, value, masks.get(kind), causal=kind == "causal")
    exact, _ = attention(
        q.double(), key.double(), value.double(), masks.get(kind), causal=kind == "causal"
    )
    n = 4 if block == 1 << 20 else 1
    assert products == 4 // n * [(n, t, k, s), (n, t, s, k)]
    assert_close(out, exact)
    if kind == "nothing to see":
        assert not out.any()


def test_training_on_one_long_text_seen_through_its_projection(
    products: list[tuple[int, ...]],
) -> None:
    given = [x[:1] for x in qkv(600, 600, 64)]
    results = []
    for dtype, kernel in ((torch.float32, fused_attention), (torch.float64, attention)):
        leaves = [x.to(dtype).requires_grad_() for x in given]
        assert not leaves[0].flatten(0, 1).is_contiguous()
        torch.manual_seed(1)
        out, _ = kernel(*leaves, dropout=0.1)
        results.append([out, *torch.autograd.grad(out.square().sum(), leaves)])
    assert products
    for ours, exact in zip(*results, strict=True):
        assert_close(ours.detach(), exact.detach())


def test_inference_of_one_text_seen_through_its_projection(
    products: list[tuple[int, ...]],
) -> None:
    """(1, T, H, K) seen as (H, T, K) has gaps between its rows; that is no other product."""
    q, k, v = (x[:1] for x in qkv(500, 500, 64))
    assert not q.flatten(0, 1).is_contiguous()
    out, _ = fused_attention(q, k, v)
    assert products == [(2, 500, 64, 500), (2, 500, 500, 64)]
    assert_close(out, attention(q.double(), k.double(), v.double())[0])


def test_inference_keeps_the_scores_of_a_block(products: list[tuple[int, ...]]) -> None:
    q, k, v = qkv(700, 700, 16, heads=8, groups=8)
    with torch.profiler.profile(profile_memory=True) as profile:
        fused_attention(q, k, v)
    assert products
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    # bytes of the scores and the weights of 2 of 8 heads
    assert 0 < largest <= 2 * 4 * attention_blocks.BLOCK


def _short(given: list[Tensor]) -> Any:
    return fused_attention(*(x[:, :, :100] for x in given))


def _half(given: list[Tensor]) -> Any:
    return fused_attention(*(x.bfloat16() for x in given))


def _double(given: list[Tensor]) -> Any:
    return fused_attention(*(x.double() for x in given))


def _biased(given: list[Tensor]) -> Any:
    return fused_attention(*given, bias=torch.zeros(1, 1, 400, 400))


def _short_training(given: list[Tensor]) -> Any:
    return fused_attention(*(x[:, :, :100].detach().requires_grad_() for x in given))


def _mapped(given: list[Tensor]) -> Any:
    return torch.func.vmap(lambda q: fused_attention(q, *given[1:])[0])(given[0][None])


def _without_onednn(given: list[Tensor]) -> Any:
    with torch.backends.mkldnn.flags(enabled=False):
        return fused_attention(*given)


OTHERS = [_short, _half, _double, _biased, _short_training, _mapped,
          _without_onednn]  # fmt: skip


@pytest.mark.parametrize("way", OTHERS, ids=[way.__name__[1:] for way in OTHERS])
def test_elsewhere_torch_attends(way: Any, products: list[tuple[int, ...]]) -> None:
    assert way(qkv(400, 400, 37)) is not None
    assert not products


def test_the_setting_is_the_users_again_also_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    before, seen = MATMUL.fp32_precision, []
    for wanted in (True, False):
        with contextlib.suppress(KeyError), onednn.batched_products(wanted):
            seen.append(MATMUL.fp32_precision)
            raise KeyError
        assert MATMUL.fp32_precision == before
    assert seen == ["bf16", before]


def test_nothing_is_allowed_where_batches_would_be_rounded(
    monkeypatch: pytest.MonkeyPatch, products: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(onednn, "is_exact_in_batches", lambda: False)
    given = qkv(400, 400, 37)
    fused_attention(*given)
    fused_attention(*(x.requires_grad_() for x in given), dropout=0.1)[0].sum().backward()
    assert not products


def test_blocks_hold_whole_texts_or_equal_parts_of_one() -> None:
    assert blocks((24, 5, 6), 6, 100) == [slice(i, i + 3) for i in range(0, 24, 3)]
    assert blocks((24, 5, 6), 6, 700) == [slice(0, 18), slice(18, 24)]
    assert blocks((7, 5, 6), 7, 200) == [slice(i, i + 1) for i in range(7)]  # 6 do not divide 7
    assert blocks((0, 5, 6), 6, 100) == []
