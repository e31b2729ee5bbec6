"""One product for queries, keys and values against three."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import Tensor, nn

from hfdl.nn.attend import PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.joined_qkv import Projections, joined_qkv

BOUND = 1e-12


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Heads of the queries, keys and values that came of one product."""
    heads: list[tuple[int, ...]] = []

    def counted(layer: Projections, x: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        parts = joined_qkv(layer, x)
        if parts is not None:
            heads.append(tuple(part.shape[-2] for part in parts))
        return parts

    # Where oneDNN multiplies, three products are as fast.
    monkeypatch.setattr(import_module("hfdl.nn.cpu.onednn"), "is_faster", lambda: False)
    # By its name: ``hfdl.nn`` calls a function ``attention`` too, which hides the module.
    monkeypatch.setattr(import_module("hfdl.nn.attention"), "joined_qkv", counted)
    return heads


def output_and_gradients(module: MultiHeadAttention, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The output, and the gradients of its squares: of x and of every weight."""
    x = x.clone().requires_grad_()
    module.zero_grad()
    rotation = normal(*x.shape[:-1], 4, seed=5), normal(*x.shape[:-1], 4, seed=6)
    out = module(x, PaddedAttend(causal=True), rotation=rotation)
    out.square().sum().backward()
    assert x.grad is not None
    found = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    return out, {"x": x.grad, **found}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("normed", [True, False])
def test_one_product_for_queries_keys_and_values_equals_three(
    bias: bool, kv_heads: int, normed: bool, joined: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    norms = {name: nn.LayerNorm(4) for name in ("q_norm", "k_norm") if normed}
    module = MultiHeadAttention(12, 4, num_kv_heads=kv_heads, head_size=4, bias=bias, **norms)
    module = module.double()
    x = normal(2, 5, 12)
    at_once = output_and_gradients(module, x)
    assert joined == [(4, kv_heads, kv_heads)]
    module.k_proj.register_forward_hook(lambda *_: None)  # a hook wants its layer to be called
    apart = output_and_gradients(module, x)
    assert len(joined) == 1
    assert (at_once[0] - apart[0]).abs().max() < BOUND
    assert at_once[1].keys() == apart[1].keys()
    assert len(apart[1]) == 1 + 5 + 3 * bias + 4 * normed
    for name, gradient in apart[1].items():
        assert (at_once[1][name] - gradient).abs().max() < BOUND, name


def test_projections_are_joined_only_where_that_pays_and_nobody_listens(
    joined: list[tuple[int, ...]],
) -> None:
    narrow, wide = MultiHeadAttention(8, 2), MultiHeadAttention(520, 2)
    x = torch.randn(1, 3, 8, requires_grad=True)
    narrow(x.detach(), PaddedAttend())
    with torch.no_grad():
        narrow(x, PaddedAttend())
    narrow(x, PaddedAttend(), memory=torch.randn(1, 4, 8))
    wide(torch.randn(1, 3, 520, requires_grad=True), PaddedAttend())
    assert joined == []
    narrow(x, PaddedAttend())
    assert len(joined) == 1


class Doubled(nn.Linear):
    """Stands for an adapter: a kind of linear layer that answers otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


def test_a_layer_that_was_replaced_or_whose_forward_was_is_called_itself(
    joined: list[tuple[int, ...]],
) -> None:
    x = torch.randn(1, 3, 8, requires_grad=True)
    module = MultiHeadAttention(8, 2)
    plain = module(x, PaddedAttend())
    module.v_proj.forward = lambda input: 2 * nn.Linear.forward(module.v_proj, input)
    twice = module(x, PaddedAttend())
    del module.v_proj.forward
    other = Doubled(8, 8)
    other.load_state_dict(module.v_proj.state_dict())
    module.v_proj = other
    torch.testing.assert_close(module(x, PaddedAttend()), twice)
    torch.testing.assert_close(twice - plain, plain - module.o_proj.bias)
    assert len(joined) == 1
