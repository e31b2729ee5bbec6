"""Which way fused attention takes; ``test_functional.py`` holds it against torch's attention."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hfdl.nn.cpu.attention_gradient import _Attention
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def test_dropout_on_a_cpu_never_draws_bernoulli_numbers() -> None:
    q, k, v = (normal(2, 2, 5, 8, seed=i).float().requires_grad_() for i in range(3))
    with torch.profiler.profile() as profile:
        fused_attention(q, k, v, dropout=0.1)[0].sum().backward()
    names = {event.name for event in profile.events()}
    assert any("softmax" in name for name in names)
    assert not {name for name in names if "bernoulli" in name or name == "aten::dropout"}


@pytest.mark.parametrize(
    ("dtype", "dropout", "with_bias", "runs"),
    [
        (torch.float32, 0.1, False, True),
        (torch.bfloat16, 0.0, False, True),
        (torch.float32, 0.0, False, False),  # torch's kernel
        (torch.float32, 0.1, True, False),  # the formula: a bias wants its gradient too
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_where_torchs_kernel_gives_way_to_the_written_gradient(
    monkeypatch: pytest.MonkeyPatch,
    dtype: torch.dtype,
    dropout: float,
    with_bias: bool,
    runs: bool,
    causal: bool,
) -> None:
    inputs = [normal(2, 3, 5, 4, seed=i).to(dtype).requires_grad_() for i in range(3)]
    bias = torch.zeros(1, 3, 5, 5, dtype=dtype, requires_grad=True) if with_bias else None
    calls: list[torch.Size] = []
    apply = _Attention.apply

    def spy(*args: object) -> object:
        calls.append(args[0].shape)  # pyright: ignore
        return apply(*args)

    monkeypatch.setattr(_Attention, "apply", spy)
    torch.manual_seed(0)
    out, _ = fused_attention(*inputs, bias=bias, causal=causal, dropout=dropout)
    assert len(calls) == runs
    torch.manual_seed(0)
    expected, _ = attention(*inputs, bias=bias, causal=causal, dropout=dropout)
    room = 3e-2 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(out, expected, rtol=room, atol=room)
    out.float().sum().backward()
    assert all(x.grad is not None for x in inputs)
    assert bias is None or bias.grad is not None


def test_grouped_heads_and_padding_with_dropout_equal_the_formula() -> None:
    q = normal(2, 6, 5, 4).requires_grad_()
    k, v = (normal(2, 2, 5, 4, seed=i).requires_grad_() for i in (1, 2))
    mask = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    mask[0, ..., 3:] = False
    mask[1] = False  # a text that is nothing but padding
    torch.manual_seed(0)
    ours, _ = fused_attention(q, k, v, mask, causal=True, dropout=0.2)
    torch.manual_seed(0)
    theirs, _ = attention(q, k, v, mask, causal=True, dropout=0.2)
    assert (ours[1] == 0).all()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    slopes = normal(2, 6, 5, 4, seed=3)
    mine = torch.autograd.grad(ours, [q, k, v], slopes)
    reference = torch.autograd.grad(theirs, [q, k, v], slopes)
    torch.testing.assert_close(mine, reference, rtol=0, atol=1e-12)
