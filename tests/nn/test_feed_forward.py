"""Feed-forward layers against torch's encoder layer, transformers' modules, and the formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, LlamaConfig
from transformers.models.gpt2.modeling_gpt2 import GPT2MLP
from transformers.models.llama.modeling_llama import LlamaMLP

from hfdl.errors import ConfigError, ShapeError
from hfdl.nn import feed_forward
from hfdl.nn.feed_forward import FeedForward, GatedFeedForward

F64 = torch.float64
SHAPES = [(1, 6), (5, 6), (2, 3, 6), (0, 6)]


def gradients(out: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    upstream = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view(out.shape)
    return list(torch.autograd.grad(out, inputs, upstream))


def drawn(module: nn.Module) -> nn.Module:
    """The module in float64 with weights as large as one likes them in a test, in evaluation."""
    torch.manual_seed(0)
    for parameter in module.double().parameters():
        nn.init.normal_(parameter)
    return module.eval()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_it_is_that_of_torchs_encoder_layer(name: str, shape: tuple[int, ...]) -> None:
    """``_ff_block`` is the layer's own two linear maps with what stands between them."""
    theirs = drawn(nn.TransformerEncoderLayer(6, 2, 11, activation=name))
    ours = FeedForward(6, 11, name).double()
    weights = [*theirs.linear1.parameters(), *theirs.linear2.parameters()]
    names = ["up_proj.weight", "up_proj.bias", "down_proj.weight", "down_proj.bias"]
    ours.load_state_dict(dict(zip(names, weights, strict=True)))
    x = torch.randn(shape, dtype=F64, requires_grad=True)
    out, wanted = ours(x), theirs._ff_block(x)
    assert torch.equal(out, wanted)
    ours_by_name = dict(ours.named_parameters())
    for a, b in zip(
        gradients(out, [x, *(ours_by_name[n] for n in names)]),
        gradients(wanted, [x, *weights]),
        strict=True,
    ):
        assert torch.equal(a, b)


def test_it_is_gpt2s_with_the_weights_transposed() -> None:
    theirs = drawn(GPT2MLP(11, GPT2Config(n_embd=6, activation_function="gelu_new")))
    ours = FeedForward(6, 11, "gelu_new").double()
    state = {"up_proj": theirs.c_fc, "down_proj": theirs.c_proj}
    for name, conv in state.items():
        linear = ours.get_submodule(name)
        linear.load_state_dict({"weight": conv.weight.T, "bias": conv.bias})
    x = torch.randn(2, 3, 6, dtype=F64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["silu", "gelu_pytorch_tanh"])
@pytest.mark.parametrize("bias", [False, True])
def test_gated_is_llamas(name: str, bias: bool, shape: tuple[int, ...]) -> None:
    config = LlamaConfig(
        hidden_size=6, num_attention_heads=2, intermediate_size=7, hidden_act=name, mlp_bias=bias
    )
    theirs = drawn(LlamaMLP(config))
    ours = GatedFeedForward(6, 7, name, bias=bias).double()
    ours.load_state_dict(theirs.state_dict())  # the names are the same
    x = torch.randn(shape, dtype=F64, requires_grad=True)
    out, wanted = ours(x), theirs(x)
    torch.testing.assert_close(out, wanted, rtol=0, atol=1e-12)
    theirs_by_name = dict(theirs.named_parameters())
    assert len(theirs_by_name) == (6 if bias else 3)
    for a, b in zip(
        gradients(out, [x, *ours.parameters()]),
        gradients(wanted, [x, *(theirs_by_name[n] for n, _ in ours.named_parameters())]),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


def test_gated_is_its_formula_and_silu_by_default() -> None:
    ours = drawn(GatedFeedForward(6, 7))
    x = torch.randn(4, 6, dtype=F64)
    gate = x @ ours.gate_proj.weight.T
    wanted = (gate * gate.sigmoid() * (x @ ours.up_proj.weight.T)) @ ours.down_proj.weight.T
    torch.testing.assert_close(ours(x), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
@pytest.mark.parametrize("shape", [(7, 6), (2, 4, 6), (1, 6), (0, 6)])
def test_chunks_change_nothing_but_how_many_tokens_go_at_a_time(
    kind: type[Any], shape: tuple[int, ...]
) -> None:
    module = drawn(kind(6, 11, "gelu"))
    assert module.chunk_size == 0
    x = torch.randn(shape, dtype=F64)
    whole, sizes = module(x), []
    module.down_proj.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape[:-1]))
    module.chunk_size = 3
    with torch.no_grad():
        out = module(x)
    tokens = math.prod(shape[:-1])
    full, rest = divmod(tokens, 3)
    assert sizes == [(3,)] * full + [(rest,)] * (rest > 0 or tokens == 0)
    assert out.shape == whole.shape
    assert torch.allclose(out, whole, rtol=0, atol=1e-13)
    sizes.clear()
    module(x)  # what is differentiated stays in one piece
    assert sizes == [shape[:-1]]


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_by_differences(bias: bool) -> None:
    x = torch.randn(2, 6, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(drawn(FeedForward(6, 3, "gelu", bias=bias)), (x,))
    assert torch.autograd.gradcheck(drawn(GatedFeedForward(6, 3, bias=bias)), (x,))


def test_dropout_falls_on_the_hidden_numbers_and_only_in_training() -> None:
    """All hidden numbers are 1 and the output is their mean: what was dropped can be counted."""
    hidden, p = 20_000, 0.25
    ours = FeedForward(1, hidden, "relu", dropout=p, bias=False).double()
    nn.init.ones_(ours.up_proj.weight)
    nn.init.constant_(ours.down_proj.weight, 1 / hidden)
    x = torch.ones(200, 1, dtype=F64)
    torch.testing.assert_close(ours.eval()(x), x)
    torch.manual_seed(0)
    kept = ours.train()(x).detach() * (1 - p)  # the share of each row
    error = math.sqrt(p * (1 - p) / hidden)
    assert 0 < (kept - (1 - p)).abs().max() < 5 * error
    assert float(kept.std()) == pytest.approx(error, rel=0.3)


def test_without_bias_there_is_none_and_the_names_are_fixed() -> None:
    assert sorted(FeedForward(6, 3, "relu", bias=False).state_dict()) == [
        "down_proj.weight", "up_proj.weight",
    ]  # fmt: skip
    assert "activation='relu'" in repr(FeedForward(6, 3, "relu"))
    assert "activation='silu'" in repr(GatedFeedForward(6, 3))


@pytest.mark.parametrize(
    ("module", "name"),
    [(FeedForward(6, 3, "relu"), "FeedForward"), (GatedFeedForward(6, 3), "GatedFeedForward")],
)
def test_another_width_is_refused(module: nn.Module, name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name} of width 6 was given .* \(2, 5\); the last dim"):
        module(torch.ones(2, 5))


@pytest.mark.parametrize("kind", [FeedForward, GatedFeedForward])
def test_an_unknown_activation_is_refused(kind: type[nn.Module]) -> None:
    with pytest.raises(ConfigError, match=r"unknown activation 'silo'.*Did you mean 'silu'"):
        kind(6, 3, "silo")


# ---- The activation computed again in the backward pass ------------------------------------------


def feed_forwards() -> list[nn.Module]:
    return [
        FeedForward(6, 11, "gelu_new"),
        FeedForward(6, 11, "relu", bias=False),
        GatedFeedForward(6, 11),
        GatedFeedForward(6, 11, "gelu", bias=True),
    ]


def saved_by(module: nn.Module, x: Tensor) -> tuple[Tensor, list[int]]:
    """The output, and the sizes of the tensors that autograd holds of it."""
    sizes: list[int] = []
    seen: set[int] = set()

    def pack(kept: Tensor) -> Tensor:
        if kept.data_ptr() not in seen:
            seen.add(kept.data_ptr())
            sizes.append(kept.numel())
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        return module(x), sizes


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("frozen", ["", "up_proj", "gate_proj", "down_proj"])
def test_with_the_activation_computed_again_all_is_the_same(
    number: int, frozen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = drawn(feed_forwards()[number])
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(not frozen or frozen not in name)
    wanted = [p for p in module.parameters() if p.requires_grad]
    for shape in SHAPES:
        x = torch.randn(shape, dtype=F64, requires_grad=True)
        plain, kept = saved_by(module, x)
        expected = gradients(plain, [x, *wanted])
        with monkeypatch.context() as patch:
            patch.setattr(feed_forward, "HELD", -1)
            out, kept_again = saved_by(module, x)
            found = gradients(out, [x, *wanted])
        assert torch.equal(out, plain)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-13 * max(1.0, float(b.abs().sum())))
        size = math.prod(shape[:-1]) * 11
        if shape[0] and frozen != "down_proj" and number != 1:  # ReLU's gradient needs its output
            assert kept.count(size) - kept_again.count(size) == (2 if number > 1 else 1)


@pytest.mark.parametrize("number", range(4))
def test_its_gradients_of_gradients_pass_central_differences(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = drawn(feed_forwards()[number])
    monkeypatch.setattr(feed_forward, "HELD", -1)
    x = torch.randn(2, 6, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(module, x)
    assert torch.autograd.gradgradcheck(module, x)


def test_dropout_hooks_adapters_and_autocast_see_what_they_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_forward, "HELD", -1)
    called: list[str] = []

    def activated(function: Any, layer: nn.Module, *parts: Tensor) -> Tensor:
        called.append("again")
        return layer(function(*parts))

    monkeypatch.setattr(feed_forward, "_activated_linear", activated)
    x = torch.randn(2, 6, dtype=F64, requires_grad=True)
    module = drawn(FeedForward(6, 11, "gelu", dropout=0.3))
    module(x)
    assert called == ["again"]  # dropout is off
    module.train()(x)
    module.eval()
    with torch.no_grad():
        module(x)
    with torch.autocast("cpu", torch.bfloat16):
        module.float()(x.float())
    module.double().get_submodule("down_proj").register_forward_hook(
        lambda *_: called.append("hook")
    )
    module(x)
    assert called == ["again", "hook"]
