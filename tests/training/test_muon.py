"""Muon with AdamW: each step is that of torch's two classes run apart, bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.tiny_models import inputs_for, tiny_model
from helpers.wording import assert_wording
from torch import Tensor, nn

from hfdl.config.schema import LoraConfig, TrainConfig
from hfdl.errors import ConfigError
from hfdl.training.muon import MuonWithAdamW
from hfdl.training.optim import build_optimizer, build_schedule
from hfdl.tuning.lora import add_adapters

RATE, DECAY, STEPS = 2e-3, 0.3, 5


def muon(**settings: Any) -> TrainConfig:
    return TrainConfig(
        optimizer="muon", learning_rate=RATE, weight_decay=DECAY, adam_betas=(0.8, 0.95),
        adam_epsilon=1e-6, **settings,
    )  # fmt: skip


def gradients(model: nn.Module, step: int) -> None:
    """Random gradients, the same for every model of these names and shapes."""
    generator = torch.Generator().manual_seed(step)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def moved(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    pairs = zip(one.named_parameters(), other.parameters(), strict=True)
    assert [name for (name, p), q in pairs if not torch.equal(p, q)] == []


# ---- against torch -------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {},
    {"momentum": 0.8, "nesterov": False, "ns_steps": 3, "adjust_lr_fn": "original"},
    {"ns_coefficients": [3.0, -3.2, 1.2], "fused": False},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("layer_decay", [None, 0.5])
@pytest.mark.parametrize("family", ["llama", "bert"])
def test_a_step_is_that_of_torchs_muon_and_adamw(
    family: str, layer_decay: float | None, options: dict[str, Any]
) -> None:
    auto = "AutoModelForCausalLM" if family == "llama" else "AutoModelForSequenceClassification"
    ours, theirs = tiny_model(family, auto=auto), tiny_model(family, auto=auto)
    optimizer = build_optimizer(ours, muon(optimizer_options=options), layer_decay)
    assert type(optimizer) is MuonWithAdamW
    apart = by_hand(theirs, layer_decay, options)
    before = {name: p.detach().clone() for name, p in ours.named_parameters()}
    for step in range(STEPS):
        for model, steppers in ((ours, [optimizer]), (theirs, apart)):
            gradients(model, step)
            for each in steppers:
                each.step()
                for group in each.param_groups:
                    group["lr"] *= 0.7  # as a schedule would
        assert_equal(ours, theirs)
    assert moved(ours, before) == before.keys()


def by_hand(
    model: nn.Module, layer_decay: float | None, options: dict[str, Any]
) -> list[torch.optim.Optimizer]:
    """torch's two, with a group for each parameter, chosen by name."""
    groups: tuple[list[Any], list[Any]] = ([], [])
    for name, parameter in model.named_parameters():
        layer = next((n for n in (0, 1) if f".layer.{n}." in name or f".layers.{n}." in name), None)
        depth = layer + 1 if layer is not None else 0 if "embed" in name else 3
        rate = RATE if layer_decay is None else RATE * layer_decay ** (3 - depth)
        plain = "norm" in name.lower() or name.endswith("bias")
        group = {"params": [parameter], "lr": rate, "weight_decay": 0.0 if plain else DECAY}
        groups[0 if layer is not None and not plain else 1].append(group)
    assert len(groups[0]) == (14 if "llama" in type(model).__name__.lower() else 12)
    of_muon = {"adjust_lr_fn": "match_rms_adamw", **options}
    fused = of_muon.pop("fused", True)
    return [
        torch.optim.Muon(groups[0], **of_muon),
        torch.optim.AdamW(groups[1], betas=(0.8, 0.95), eps=1e-6, fused=fused),
    ]


def test_projections_in_one_conv1d_are_taken_one_by_one() -> None:
    """GPT-2's c_attn is (in, 3 out): torch's Muon on Q, K and V as a Linear would hold them."""
    model = tiny_model("gpt2", auto="AutoModelForCausalLM")
    optimizer = build_optimizer(model, muon(optimizer_options={"adjust_lr_fn": "original"}))
    block = model.transformer.h[1]
    weights: list[tuple[Tensor, int]] = [
        (block.attn.c_attn.weight, 3), (block.attn.c_proj.weight, 1), (block.mlp.c_fc.weight, 1),
        (block.mlp.c_proj.weight, 1),
    ]  # fmt: skip
    assert [tuple(w.shape) for w, _ in weights] == [(16, 48), (16, 16), (16, 64), (64, 16)]
    apart = [[p.clone() for p in w.detach().t().chunk(parts)] for w, parts in weights]
    reference = torch.optim.Muon(
        [p for parts in apart for p in parts], RATE, weight_decay=DECAY, adjust_lr_fn="original"
    )
    for step in range(STEPS):
        gradients(model, step)
        for (weight, _), parts in zip(weights, apart, strict=True):
            assert weight.grad is not None
            for part, gradient in zip(parts, weight.grad.t().chunk(len(parts)), strict=True):
                part.grad = gradient.contiguous()
        optimizer.step()
        reference.step()
    for (weight, _), parts in zip(weights, apart, strict=True):
        assert torch.equal(weight.t(), torch.cat(parts))


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_gates_of_a_recurrent_layer_are_taken_one_by_one(kind: str, gates: int) -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({
        "words": nn.Embedding(9, 6),
        "reader": getattr(nn, kind)(6, 8, num_layers=2, bidirectional=True),
        "head": nn.Linear(16, 3),
    })  # fmt: skip
    optimizer = build_optimizer(model, muon())
    weights = [p for n, p in model.named_parameters() if ".weight_" in n]
    assert len(weights) == 8
    assert sum(len(g["params"]) for g in optimizer.param_groups if g["use_muon"]) == 8
    apart = [p.clone() for w in weights for p in w.detach().chunk(gates)]
    reference = torch.optim.Muon(apart, RATE, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        gradients(model, step)
        parts = [g for w in weights if w.grad is not None for g in w.grad.chunk(gates)]
        for part, gradient in zip(apart, parts, strict=True):
            part.grad = gradient
        optimizer.step()
        reference.step()
    assert torch.equal(torch.cat([w.flatten() for w in weights]),
                       torch.cat([p.flatten() for p in apart]))  # fmt: skip


def test_each_update_of_a_matrix_is_nearly_orthogonal_and_of_adamws_size() -> None:
    model = tiny_model("llama")
    optimizer = build_optimizer(model, TrainConfig(optimizer="muon", learning_rate=1.0,
                                                   weight_decay=0.0))  # fmt: skip
    weight: Any = model.layers[0].mlp.up_proj.weight  # (24, 16)
    before = weight.detach().clone()
    gradients(model, 0)
    optimizer.step()
    update = before - weight.detach()
    singular = torch.linalg.svdvals(update / (0.2 * 24**0.5))
    assert (singular.min(), singular.max()) == pytest.approx((0.9, 0.9), abs=0.35)
    assert float(update.square().mean().sqrt()) == pytest.approx(0.2, rel=0.2)


# ---- what is trained and what is not -------------------------------------------------------------


def test_frozen_weights_and_those_without_a_gradient_stay() -> None:
    model = tiny_model("bert", auto="AutoModelForSequenceClassification")
    model.bert.encoder.layer[0].requires_grad_(False)
    optimizer = build_optimizer(model, muon())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    gradients(model, 0)
    still: Any = model.bert.encoder.layer[1].attention.self.query.weight
    still.grad = None
    optimizer.step()
    stayed = before.keys() - moved(model, before)
    frozen = {name for name in before if ".layer.0." in name}
    assert stayed == {*frozen, "bert.encoder.layer.1.attention.self.query.weight"}
    assert still not in optimizer.state
    assert len(frozen) == 16


def test_adapters_are_matrices_and_may_be_all_there_is() -> None:
    model = tiny_model("gpt2", auto="AutoModelForCausalLM")
    names = add_adapters(model, LoraConfig(r=2))
    optimizer = build_optimizer(model, muon())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    # The first gradient of A is zero, for B is: it must become no NaN.
    for _ in range(2):
        optimizer.zero_grad()
        model(**inputs_for("gpt2")).logits.square().mean().backward()
        optimizer.step()
    assert moved(model, before) == {*names}
    assert len(names) == 16
    assert all(group["use_muon"] for group in optimizer.param_groups)
    assert all(bool(p.isfinite().all()) for p in model.parameters())


def test_a_state_that_is_loaded_goes_on_bit_for_bit() -> None:
    """As Accelerate does when it prepares an optimizer: load_state_dict makes new groups."""
    models = [tiny_model("gpt2", auto="AutoModelForCausalLM") for _ in range(2)]
    first, second = (build_optimizer(model, muon()) for model in models)
    gradients(models[0], 0)
    first.step()
    models[1].load_state_dict(models[0].state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    schedules = [build_schedule(muon(), each, 6) for each in (first, second)]
    for step in range(3):
        for model, optimizer, schedule in zip(models, (first, second), schedules, strict=True):
            gradients(model, step)
            optimizer.step()
            schedule.step()
    assert_equal(*models)
    assert len(second.state) == len(list(models[1].parameters()))
    before = {name: p.detach().clone() for name, p in models[1].named_parameters()}
    for group in second.param_groups:
        group["lr"] = 0.0
    second.step()
    assert moved(models[1], before) == set()


# ---- what is refused -----------------------------------------------------------------------------


def no_layers(model: Any) -> Any:
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))


def frozen_body(model: Any) -> Any:
    model.bert.requires_grad_(False)
    return model


def whole(model: Any) -> Any:
    return model


REFUSED: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "no layers": (no_layers, {}),
    "frozen body": (frozen_body, {}),
    "unknown adjust_lr_fn": (whole, {"optimizer_options": {"adjust_lr_fn": "spectral"}}),
    "too many steps": (whole, {"optimizer_options": {"ns_steps": 100}}),
    "momentum in words": (whole, {"optimizer_options": {"momentum": "much"}}),
    "two coefficients": (whole, {"optimizer_options": {"ns_coefficients": [1.0, 2.0]}}),
    "unknown option": (whole, {"optimizer_options": {"nestrov": True}}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_muon_cannot_do_is_refused(case: str) -> None:
    change, settings = REFUSED[case]
    model = change(tiny_model("bert", auto="AutoModelForSequenceClassification"))
    with pytest.raises(ConfigError) as caught:
        build_optimizer(model, muon(**settings))
    assert_wording(caught.value)


def test_groups_that_do_not_say_whose_they_are_are_refused() -> None:
    with pytest.raises(ValueError, match="use_muon"):
        MuonWithAdamW([{"params": [nn.Parameter(torch.zeros(2, 2))]}], 0.1)
