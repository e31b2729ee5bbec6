"""Attention head after head: with oneDNN's products, and when it is taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from hfdl.nn.cpu import onednn
from hfdl.nn.cpu.attention_by_head import SMALLEST, SMALLEST_WITHOUT_GRADIENT
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import sliding_window_mask

KERNEL = hasattr(torch.ops.mkldnn, "_linear_pointwise")
pytestmark = pytest.mark.skipif(not KERNEL, reason="this build of torch has no oneDNN")


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that oneDNN multiplies, on a machine where it is faster."""
    shapes: list[tuple[int, ...]] = []
    kernel = onednn.product

    def noted(x: Tensor, weight: Tensor) -> Tensor:
        shapes.append((*x.shape, len(weight)))
        return kernel(x, weight)

    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    monkeypatch.setattr(onednn, "product", noted)
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


@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize("kind", ["none", "causal", "padding", "window", "grouped"])
def test_training_equals_the_formula_in_float64(
    kind: str, dropout: float, products: list[tuple[int, ...]]
) -> None:
    t, k = 181, 37  # T T K is above the bound, and no size is even
    assert t * t * k > SMALLEST
    given = qkv(t, t, k, groups=1 if kind == "grouped" else 2)
    mask = {"padding": padding(t), "window": sliding_window_mask(t, window=7, causal=True)}
    results = []
    for dtype, kernel in ((torch.float32, fused_attention), (torch.float64, attention)):
        leaves = [x.detach().to(dtype).requires_grad_() for x in given]
        torch.manual_seed(1)
        out, _ = kernel(*leaves, mask.get(kind), causal=kind == "causal", dropout=dropout)
        of_out = torch.linspace(-1, 1, out.numel(), dtype=dtype).view_as(out)
        results.append([out, *torch.autograd.grad(out, leaves, of_out)])
    expected = 4 * (2 + 4) if dropout else 0  # without dropout torch's kernel differentiates
    assert len(products) == expected
    for ours, exact in zip(*results, strict=True):
        assert_close(ours, exact)


@pytest.mark.parametrize("kind", ["none", "causal", "padding", "nothing to see"])
def test_inference_equals_the_formula_in_float64(
    kind: str, products: list[tuple[int, ...]]
) -> None:
    t, s, k = 300, 400, 37
    assert t * s * k > SMALLEST_WITHOUT_GRADIENT
    q, key, value = qkv(t, s, k)
    mask = {"padding": padding(s), "nothing to see": torch.zeros(t, s, dtype=torch.bool)}.get(kind)
    out, _ = fused_attention(q, key, value, mask, causal=kind == "causal")
    exact, _ = attention(q.double(), key.double(), value.double(), mask, causal=kind == "causal")
    assert products == 4 * [(t, k, s), (t, s, k)]
    assert_close(out, exact)
    if kind == "nothing to see":
        assert not out.any()


def test_inference_keeps_the_scores_of_one_head(products: list[tuple[int, ...]]) -> None:
    q, k, v = qkv(700, 700, 16, heads=8, groups=8)
    with torch.profiler.profile(profile_memory=True) as profile:
        fused_attention(q, k, v)
    assert products
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert 0 < largest <= 4 * 700 * 700  # bytes of T S scores


def _short(given: list[Tensor]) -> Any:
    return fused_attention(*(x[:, :, :20] for x in given))


def _half(given: list[Tensor]) -> Any:
    return fused_attention(*(x.bfloat16() for x in given))


def _double(given: list[Tensor]) -> Any:
    return fused_attention(*(x.double() for x in given))


def _biased(given: list[Tensor]) -> Any:
    return fused_attention(*given, bias=torch.zeros(1, 1, 400, 400))


def _differentiated_without_dropout(given: list[Tensor]) -> Any:
    return fused_attention(given[0].requires_grad_(), *given[1:])


def _mapped(given: list[Tensor]) -> Any:
    return torch.func.vmap(lambda q: fused_attention(q, *given[1:])[0])(given[0][None])


def _without_onednn(given: list[Tensor]) -> Any:
    with torch.backends.mkldnn.flags(enabled=False):
        return fused_attention(*given)


OTHERS = [_short, _half, _double, _biased, _differentiated_without_dropout, _mapped,
          _without_onednn]  # fmt: skip


@pytest.mark.parametrize("way", OTHERS, ids=[way.__name__[1:] for way in OTHERS])
def test_elsewhere_torch_attends(way: Any, products: list[tuple[int, ...]]) -> None:
    assert way(qkv(400, 400, 37)) is not None
    assert not products
