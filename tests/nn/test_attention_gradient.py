"""The attention whose gradient is written out, against the formula that autograd differentiates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from hfdl.nn.cpu import attention_gradient
from hfdl.nn.cpu.attention_gradient import (
    additive_causal_mask,
    additive_mask,
    differentiated_attention,
)
from hfdl.nn.functional import attention
from hfdl.nn.masks import causal_mask

# B, H, T, S, K: sizes of one, odd sizes, more keys than queries and fewer.
SHAPES = [(1, 1, 1, 1, 1), (2, 3, 5, 5, 4), (1, 2, 7, 3, 5), (3, 1, 2, 9, 3), (2, 4, 1, 6, 8)]
# Causal queries are the last of the positions that have keys: not with more queries than keys.
MASKED = [
    (shape, kind)
    for shape in SHAPES
    for kind in ("none", "causal", "padding", "whole")
    if kind != "causal" or shape[2] <= shape[3]
]


def qkv(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Not contiguous, as a projection leaves them: (B, T, H, K) seen as (B, H, T, K)."""
    b, h, t, s, k = shape
    generator = torch.Generator().manual_seed(sum(shape))
    made = [torch.randn(b, n, h, k, generator=generator, dtype=dtype) for n in (t, s, s)]
    return [(2 * x).transpose(1, 2).requires_grad_() for x in made]


def assert_same(ours: Tensor, theirs: Tensor, inputs: list[Tensor], bound: float = 1e-13) -> None:
    """Outputs, and gradients for an upstream gradient that is not contiguous either."""
    assert ours.shape == theirs.shape
    scale = max(1.0, float(theirs.detach().abs().max()))
    assert float((ours - theirs).detach().abs().max()) <= bound * scale
    seed = torch.linspace(-1, 1, theirs.numel(), dtype=theirs.dtype).view(theirs.mT.shape).mT
    mine = torch.autograd.grad(ours, inputs, seed, retain_graph=True)
    reference = torch.autograd.grad(theirs, inputs, seed)
    for a, b in zip(mine, reference, strict=True):
        assert float((a - b).abs().max()) <= bound * max(1.0, float(b.abs().max()))


@pytest.mark.parametrize(("shape", "kind"), MASKED)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_it_is_the_formula(shape: tuple[int, ...], kind: str, dropout: float) -> None:
    b, h, t, s, _ = shape
    generator = torch.Generator().manual_seed(1)
    masks = {
        "none": None,
        "causal": causal_mask(t, s) if t <= s else None,
        "padding": torch.rand(b, 1, 1, s, generator=generator) > 0.4,
        "whole": torch.rand(b, h, t, s, generator=generator) > 0.4,
    }
    mask = masks[kind]
    if mask is not None:
        mask[..., 0] = True
    additive = None if mask is None else additive_mask(mask, torch.float64)
    if kind == "causal":
        assert additive is not None
        assert torch.equal(additive, additive_causal_mask(t, s, torch.float64))
    inputs = qkv(shape)
    torch.manual_seed(5)
    ours = differentiated_attention(*inputs, additive, scale=0.4, dropout=dropout)
    torch.manual_seed(5)  # the formula draws the same bits in the same order
    theirs, _ = attention(*inputs, mask, scale=0.4, dropout=dropout)
    assert_same(ours, theirs, inputs)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_torchs(shape: tuple[int, ...]) -> None:
    inputs = qkv(shape)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        theirs = F.scaled_dot_product_attention(*inputs)
    ours = differentiated_attention(*inputs, None, scale=shape[-1] ** -0.5)
    assert_same(ours, theirs, inputs, bound=1e-12)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_central_differences(dropout: float) -> None:
    inputs = qkv((2, 2, 3, 4, 3))
    additive = additive_causal_mask(3, 4, torch.float64)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        torch.manual_seed(3)
        return differentiated_attention(q, k, v, additive, scale=0.5, dropout=dropout)

    assert torch.autograd.gradcheck(attend, inputs)


@pytest.mark.parametrize("kind", ["none", "causal", "padding", "whole", "heads"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("block", [1, 2 * 30, 4 * 30, 3 * 6 * 30, 1 << 18])
def test_weights_that_are_computed_again_give_the_very_same(
    kind: str, dropout: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks of one head, of 2 and of 3 of 6 heads, of 3 of 4 texts, and in one block."""
    b, h, t, s = 4, 6, 5, 6
    inputs = qkv((b, h, t, s, 3))
    generator = torch.Generator().manual_seed(1)
    shapes = {"padding": (b, 1, 1, s), "whole": (b, h, t, s), "heads": (1, h, t, s)}
    additive = additive_causal_mask(t, s, torch.float64) if kind == "causal" else None
    if kind in shapes:
        additive = -torch.rand(shapes[kind], generator=generator, dtype=torch.float64)

    def attended() -> tuple[Tensor, list[int]]:
        torch.manual_seed(5)
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x: (sizes.append(x.numel()) if x.is_floating_point() else None, x)[1],
            lambda x: x,
        ):
            out = differentiated_attention(*inputs, additive, scale=0.4, dropout=dropout)
        return out, sizes

    held, sizes = attended()
    assert b * h * t * s in sizes
    monkeypatch.setattr(attention_gradient, "HELD", 0)
    monkeypatch.setattr(attention_gradient, "BLOCK", block)
    again, sizes = attended()
    if kind != "whole":  # where the mask itself is of that size
        assert b * h * t * s not in sizes
    assert_same(again, held, inputs, bound=0.0 if block > 1 else 1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_great_scores_and_rows_that_see_nothing_stay_finite(dtype: torch.dtype) -> None:
    b, h, t, s, k = 2, 2, 3, 4, 8
    inputs = [(6 * x).detach().to(dtype).requires_grad_() for x in qkv((b, h, t, s, k))]
    mask = torch.ones(b, 1, t, s, dtype=torch.bool)
    mask[0, 0, 1] = False
    mask[1, 0, :, 2:] = False
    out = differentiated_attention(*inputs, additive_mask(mask, dtype), scale=1.0)
    assert out.isfinite().all()
    exact, _ = attention(*inputs, mask, scale=1.0)
    seen = torch.tensor([True, False, True])  # of the first text's queries
    torch.testing.assert_close(out[0][:, seen], exact[0][:, seen], rtol=2e-2, atol=1e-1)
    torch.testing.assert_close(out[1], exact[1], rtol=2e-2, atol=1e-1)
    out[:, :, 0].sum().backward()
    for x in inputs:
        assert x.grad is not None
        assert x.grad.isfinite().all()
    keys = inputs[1].grad
    assert keys is not None
    assert (keys[1, :, 2:] == 0).all()  # keys that nobody sees get no gradient at all


def test_everything_dropped_is_zero_with_zero_gradients() -> None:
    inputs = qkv((1, 2, 3, 3, 4))
    out = differentiated_attention(*inputs, None, scale=0.5, dropout=1.0)
    assert (out == 0).all()
    assert all((g == 0).all() for g in torch.autograd.grad(out.sum(), inputs))


def test_it_can_be_differentiated_once_and_says_so() -> None:
    inputs = qkv((1, 1, 2, 2, 3))
    out = differentiated_attention(*inputs, None, scale=0.5)
    (slope,) = torch.autograd.grad(out.square().sum(), inputs[2], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
