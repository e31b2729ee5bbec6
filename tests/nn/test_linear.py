"""hfdl's linear layer against torch's in float64, and when oneDNN is called for it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.nn import linear as module
from hfdl.nn.cpu import onednn
from hfdl.nn.linear import SMALLEST, Linear, is_plain_linear, linear, use_faster_linear

KERNEL = hasattr(torch.ops.mkldnn, "_linear_pointwise")
needs_kernel = pytest.mark.skipif(not KERNEL, reason="this build of torch has no oneDNN")
# (..., inputs), outputs: all large enough, one of an odd size, one row, many axes.
SHAPES = [((817, 131), 97), ((1, 2048), 1025), ((3, 5, 7, 500), 64), ((2, 40000), 31)]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """oneDNN taken for faster wherever there is one, and how often it was called."""
    found: list[int] = []
    kernel = onednn.product

    def counted(*args: Any) -> Tensor:
        found.append(1)
        return kernel(*args)

    monkeypatch.setattr(onednn, "is_faster", lambda: KERNEL)
    monkeypatch.setattr(onednn, "product", counted)
    return found


def drawn(shape: tuple[int, ...], outputs: int, dtype: torch.dtype = torch.float32) -> Any:
    generator = torch.Generator().manual_seed(4)
    make = lambda *size: torch.randn(size, generator=generator, dtype=torch.float64).to(dtype)  # noqa: E731
    return make(*shape), make(outputs, shape[-1]), make(outputs), make(*shape[:-1], outputs)


@needs_kernel
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("shape", "outputs"), SHAPES)
def test_output_and_gradients_equal_torch_in_float64(
    shape: tuple[int, ...], outputs: int, biased: bool, calls: list[int]
) -> None:
    results = []
    for dtype, product in ((torch.float32, linear), (torch.float64, F.linear)):
        x, weight, bias, of_y = drawn(shape, outputs, dtype)
        given = [x, weight, *([bias] if biased else [])]
        leaves = [each.requires_grad_() for each in given]
        y = product(*leaves)
        results.append([y, *torch.autograd.grad(y, leaves, of_y)])
    assert len(calls) == 3  # Y, dX and dW
    for ours, exact in zip(*results, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - exact).abs().max() < 2e-6 * exact.abs().max() * shape[-1] ** 0.5


@needs_kernel
@pytest.mark.parametrize("needed", [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1)])
def test_only_the_gradients_that_are_needed_are_made(
    needed: tuple[int, ...], calls: list[int]
) -> None:
    x, weight, bias, of_y = drawn((817, 131), 97)
    leaves = [each.requires_grad_(i in needed) for i, each in enumerate((x, weight, bias))]
    wanted = [leaves[i] for i in needed]
    found = torch.autograd.grad(linear(*leaves), wanted, of_y)
    assert len(calls) == 1 + (0 in needed) + (1 in needed)
    expected = torch.autograd.grad(F.linear(*leaves), wanted, of_y)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


@needs_kernel
def test_it_can_be_differentiated_twice(calls: list[int]) -> None:
    results = []
    for product in (linear, F.linear):
        x, weight, bias, _ = drawn((817, 131), 97)
        x.requires_grad_()
        weight.requires_grad_()
        (of_x,) = torch.autograd.grad(product(x, weight, bias).sin().sum(), x, create_graph=True)
        results.append(torch.autograd.grad(of_x.square().sum(), (x, weight)))
    assert calls
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=2e-3 * float(theirs.abs().max()))


@needs_kernel
def test_views_that_are_not_contiguous(calls: list[int]) -> None:
    x, weight, bias, _ = drawn((131, 817), 97)
    rows = x.t()[::2]  # (409, 131), no step of 1 anywhere
    weight = torch.randn(131 * 2, 97 * 2).t()[::2, ::2]
    wide = torch.cat([rows] * 8)
    assert wide.numel() * len(weight) >= SMALLEST
    expanded = torch.ones(1, 1).expand(len(wide), 97)
    found = linear(wide, weight, bias)
    torch.testing.assert_close(found, F.linear(wide, weight, bias), rtol=1e-4, atol=1e-4)
    leaf = wide.clone().requires_grad_()
    (of_x,) = torch.autograd.grad(linear(leaf, weight, bias), leaf, expanded)
    torch.testing.assert_close(of_x, expanded @ weight, rtol=1e-4, atol=1e-4)
    assert len(calls) == 3


# ---- One row, and weights that are laid out by columns -------------------------------------------


@needs_kernel
def test_gaps_between_rows_are_closed_before_onednn_sees_them(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With gaps in the second factor it goes a way that takes a hundred times as long."""
    own, dense = torch.ops.mkldnn._linear_pointwise, []

    def noted(x: Tensor, weight: Tensor, *rest: Any) -> Tensor:
        dense.append(weight.is_contiguous() or weight.t().is_contiguous())
        return own(x, weight, *rest)

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", noted)
    first = drawn((32, 5, 300), 1)[0][:, 0]  # the first token of each text: rows 5 * 300 apart
    weight = drawn((1, 700), 300)[1][:, :300]
    leaves = [first.requires_grad_(), weight.requires_grad_()]
    y = linear(*leaves)
    exact = F.linear(first.double(), weight.double())
    assert (y - exact).abs().max() < 1e-4
    of_first, of_weight = torch.autograd.grad(y.square().sum(), leaves)
    assert (of_weight - 2 * exact.t() @ first.double()).abs().max() < 1e-2
    assert (of_first - 2 * exact @ weight.double()).abs().max() < 1e-2
    assert dense == [True] * 3


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("outputs", [768, 1025, 2])
@pytest.mark.parametrize("view", ["(1, I)", "(1, 1, I)", "last of several", "every other number"])
def test_one_row_is_multiplied_as_matrices(
    outputs: int, biased: bool, view: str, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    own = torch.bmm if not biased else torch.baddbmm
    monkeypatch.setattr(torch, own.__name__, lambda *args: seen.append(1) or own(*args))
    monkeypatch.setattr(module, "ONE_ROW", 1)
    draw = torch.Generator().manual_seed(1)
    wide = torch.randn(3, 2, 2 * 385, generator=draw)
    x = {
        "(1, I)": wide[0, :1, :385], "(1, 1, I)": wide[:1, :1, :385].contiguous(),
        "last of several": wide[:1, -1:, 385:], "every other number": wide[1:2, :1, ::2],
    }[view]  # fmt: skip
    weight = torch.randn(outputs, 385, generator=draw)
    bias = torch.randn(outputs, generator=draw) if biased else None
    with torch.no_grad():
        found = linear(x, weight, bias)
    assert seen == ([1] if KERNEL else [])
    assert calls == []
    exact = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    assert found.shape == exact.shape
    assert (found - exact).abs().max() < 2e-6 * exact.abs().max() * 385**0.5


def test_one_row_that_does_not_fit_is_refused_as_torch_refuses_it(calls: list[int]) -> None:
    with torch.no_grad(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        linear(torch.ones(1, 600), torch.ones(700, 500))
    with torch.no_grad(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        linear(torch.ones(2, 250), torch.ones(700, 500))
    assert calls == []


def test_a_row_with_a_gradient_is_torchs(calls: list[int]) -> None:
    x, weight, bias, _ = drawn((1, 500), 700)
    x.requires_grad_()
    (found,) = torch.autograd.grad(linear(x, weight, bias).sum(), x)
    torch.testing.assert_close(found, weight.sum(0, keepdim=True), rtol=1e-4, atol=1e-4)


def two_layers() -> Any:
    torch.manual_seed(0)
    model: Any = nn.Sequential(Linear(384, 640), nn.ReLU(), Linear(640, 384, bias=False))
    model.words = nn.Embedding(50, 384)
    model.decoder = Linear(384, 50)
    model.decoder.weight = model.words.weight
    model.forward = lambda x: model[2](model[1](model[0](x)))
    return model.eval()


@needs_kernel
def test_weights_laid_out_by_columns_are_the_same_parameters(calls: list[int]) -> None:
    model, x = two_layers(), torch.randn(11, 384)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        expected = model(x)
        assert len(calls) == 2
        assert module.use_columns(model) == 2
        assert [model[i].weight.stride() for i in (0, 2)] == [(1, 640), (1, 384)]
        assert model.decoder.weight.is_contiguous()  # it is the embedding's, too
        torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)
        few = model(x[:3])  # too few for rows, not for columns
        assert len(calls) == 6
        torch.testing.assert_close(few, expected[:3], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(model(x[:1]), expected[:1], rtol=1e-5, atol=1e-6)
    assert module.use_columns(model) == 2
    assert all(parameters[name] is each for name, each in model.named_parameters())
    saved = model.state_dict()
    assert all(torch.equal(saved[name], value) for name, value in before.items())
    assert all(value.is_contiguous() for value in saved.values())
    model.load_state_dict({name: 2 * value for name, value in before.items()})
    assert torch.equal(model[0].weight, 2 * before["0.weight"])


@needs_kernel
def test_training_lays_weights_out_by_rows_again(calls: list[int]) -> None:
    model, x = two_layers(), torch.randn(11, 384)
    other = two_layers().train()
    module.use_columns(model)
    with torch.no_grad():
        model.eval()
        assert not model[0].weight.is_contiguous()
    model.train()
    assert all(each.is_contiguous() for each in model.parameters())
    for each in (model, other):
        each(x).square().sum().backward()
        torch.optim.AdamW(each.parameters(), fused=True).step()
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_weights_stay_where_nothing_is_won(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_faster", lambda: False)
    model = two_layers()
    assert module.use_columns(model) == 0
    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    model[0].double()
    assert module.use_columns(model) == 1
    assert model[0].weight.is_contiguous()


def _half(x: Tensor, weight: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return linear(x, weight)


def _small(x: Tensor, weight: Tensor) -> Tensor:
    return linear(x[:1], weight)


def _double(x: Tensor, weight: Tensor) -> Tensor:
    return linear(x.double(), weight.double())


def _vector(x: Tensor, weight: Tensor) -> Tensor:
    return linear(x.flatten()[:131], weight)


def _none(x: Tensor, weight: Tensor) -> Tensor:
    return linear(x[:0], weight)


def _mapped(x: Tensor, weight: Tensor) -> Tensor:
    return torch.func.vmap(lambda w: linear(x, w))(torch.stack([weight, weight]))


def _without_onednn(x: Tensor, weight: Tensor) -> Tensor:
    with torch.backends.mkldnn.flags(enabled=False):
        return linear(x, weight)


def _exported(x: Tensor, weight: Tensor) -> Tensor:
    layer = Linear(131, 97, bias=False)
    layer.weight.data = weight
    return torch.export.export(layer, (x,)).module()(x)


OTHERS = [_half, _small, _double, _vector, _none, _mapped, _without_onednn, _exported]


@pytest.mark.parametrize("call", OTHERS, ids=lambda call: call.__name__[1:])
def test_torch_is_called_where_something_else_looks_on_or_nothing_is_won(
    call: Any, calls: list[int]
) -> None:
    x, weight, _, _ = drawn((817, 131), 97)
    found = call(x, weight)
    assert calls == []
    if call is _none:
        assert found.shape == (0, 97)
        return
    expected = F.linear(x, weight).flatten(0, -2) if call is not _vector else None
    rows = found.detach().double().reshape(-1, 97)[:1]
    expected = expected[:1] if expected is not None else F.linear(x.flatten()[None, :131], weight)
    bound = 0.3 if call is _half else 1e-4
    torch.testing.assert_close(rows, expected.double(), rtol=bound, atol=bound)


def test_the_layer_is_torchs_in_all_but_its_product(calls: list[int]) -> None:
    torch.manual_seed(0)
    theirs = nn.Linear(131, 97)
    torch.manual_seed(0)
    ours = Linear(131, 97)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)
    x = torch.randn(817, 131)
    torch.testing.assert_close(ours(x), theirs(x))
    assert len(calls) == KERNEL


def test_plain_layers_of_a_model_become_the_faster_ones_in_place() -> None:
    class Own(nn.Linear):
        pass

    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(Own(3, 3), nn.Linear(3, 2)), Linear(2, 2))
    seen: list[int] = []
    model[0].register_forward_hook(lambda *args: seen.append(1))
    before = dict(model.named_parameters())
    assert [is_plain_linear(each) for each in (model[0], model[1][0], model[2])] == [
        True, False, True,
    ]  # fmt: skip
    assert use_faster_linear(model) == 2
    assert [type(each) for each in (model[0], model[1][0], model[1][1])] == [Linear, Own, Linear]
    assert all(before[name] is parameter for name, parameter in model.named_parameters())
    model(torch.ones(1, 3))
    assert seen == [1]
    assert use_faster_linear(model) == 0


def test_the_choice_is_by_facts_of_the_machine_and_no_timing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = onednn.is_faster.__wrapped__
    for name, width, expected in (
        ("AMD EPYC 9755", "AVX512", KERNEL), ("AMD EPYC 7763", "AVX2", False),
        ("Intel(R) Xeon(R) Platinum 8481C", "AVX512", False), ("", "AVX512", False),
    ):  # fmt: skip
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda name=name: {"cpu_name": name}, raising=False
        )
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda width=width: width)
        assert asked() is expected
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as torch 2.10 has none
    assert asked() is False


@needs_kernel
def test_kernels_of_many_shapes_are_not_all_kept() -> None:
    """In a process of its own, for the environment is read once."""
    script = """
import torch
from pathlib import Path
from hfdl.nn.cpu import onednn as module

def held():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])

module._keep_few_kernels()
weight, rows = torch.randn(384, 384), torch.randn(1200, 384)
with torch.inference_mode():
    for count in range(600, 700):
        module.product(rows[:count], weight)
    before = held()
    for count in range(700, 1200):
        module.product(rows[:count], weight)
print(held() - before)
"""
    grown = {}
    for kept in (None, "1024"):
        given = {} if kept is None else {
            "ONEDNN_PRIMITIVE_CACHE_CAPACITY": kept, "LRU_CACHE_CAPACITY": kept,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script], env={**plain_environment(), **given},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        grown[kept] = int(done.stdout)
    assert 2 * grown[None] < grown["1024"]  # which also says that what a user has set stays


def plain_environment() -> dict[str, str]:
    """This process's, without what it may have set for oneDNN itself."""
    return {name: value for name, value in os.environ.items() if "CACHE_CAPACITY" not in name}
