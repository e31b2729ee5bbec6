"""Adapters against PEFT's own wrapper, merged models against plain transformers, exact resume."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import CASES, batch, casts_lifted, hf_model
from helpers.tiny_models import FAMILIES, inputs_for, lm_class, tiny_model
from helpers.wording import assert_wording
from peft import LoraConfig, get_peft_model
from torch import nn

from hfdl.config import schema
from hfdl.errors import ConfigError, MissingExtraError
from hfdl.hf_models.load import hf_class_of
from hfdl.tuning.freeze import freeze
from hfdl.tuning.layers import body_names
from hfdl.tuning.lora import add_adapters, merge
from hfdl.weights.pretrained import quiet_transformers

FRESH = ["classifier.bias", "classifier.weight"]


pytestmark = pytest.mark.usefixtures("without_report")


def bert(**changes: Any) -> Any:
    return tiny_model("bert", auto="AutoModelForSequenceClassification", **changes)


def move(model: nn.Module) -> None:
    """Give every adapter a B that is not zero, so that it counts."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data.copy_(drawn * 0.1)


def logits_of(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(**inputs).logits


def farthest(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


# ---- against PEFT --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "distilbert", "gpt2", "llama", "t5", "bart"])
def test_adapters_are_those_of_the_wrapper(family: str) -> None:
    """With the same seed get_peft_model has the same weights, logits, and merged weights."""
    auto = lm_class(family)
    ours, theirs = (tiny_model(family, auto=auto, dtype=torch.float64) for _ in range(2))
    inputs = inputs_for(family, "right")
    plain = logits_of(ours, inputs)
    torch.manual_seed(3)
    names = add_adapters(ours, schema.LoraConfig(r=4, alpha=12))
    adapted = sorted({name.partition(".lora_")[0] for name in names})
    torch.manual_seed(3)
    wrapped = get_peft_model(theirs, LoraConfig(
        r=4, lora_alpha=12, lora_dropout=0.0, target_modules=adapted,
        fan_in_fan_out=family == "gpt2",
    ))  # fmt: skip
    assert type(ours).__module__.startswith("transformers.")  # no wrapper
    assert farthest(logits_of(ours, inputs), plain) < 1e-12  # B is zero at first
    move(ours)
    move(wrapped)
    found, expected = logits_of(ours, inputs), logits_of(wrapped, inputs)
    assert farthest(found, expected) < 1e-12
    assert farthest(found, plain) > 1e-2
    assert merge(ours) == len(adapted)
    merged = wrapped.merge_and_unload()
    assert ours.state_dict().keys() == merged.state_dict().keys()
    for name, tensor in merged.state_dict().items():
        assert farthest(ours.state_dict()[name], tensor) < 1e-12
    assert farthest(logits_of(ours, inputs), found) < 1e-10
    assert not hasattr(ours, "peft_config")
    assert merge(ours) == 0


LINEAR = ("Linear", "Conv1D", "FalconLinear")


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_linear_layer_of_the_body_gets_one(family: str) -> None:
    auto = "AutoModel" if family == "deberta-v2" else lm_class(family)
    model = tiny_model(family, auto=auto)
    body = set(body_names(model))
    linear = {
        path for path, module in model.named_modules()
        if type(module).__name__ in LINEAR and f"{path}.weight" in body
    }  # fmt: skip
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    classes = [type(module) for module in model.modules()]
    names = add_adapters(model, schema.LoraConfig(r=2))
    assert {name.partition(".lora_")[0] for name in names} == linear
    assert len(names) == 2 * len(linear) > 2
    head = set(before) - body
    words = model.get_output_embeddings()
    pretrained = {id(p) for p in words.parameters()} if words is not None else set()
    for name, parameter in model.named_parameters():
        own = name in head and id(parameter) not in pretrained
        assert parameter.requires_grad == (name in names or own), name
    merge(model)
    assert [type(module) for module in model.modules()] == classes
    after = dict(model.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_two_layers_of_alpha_over_r() -> None:
    """W + (alpha / r) B A, by hand."""
    model = bert(dtype=torch.float64)
    layer = model.bert.encoder.layer[1].output.dense
    weight = layer.weight.detach().clone()
    add_adapters(model, schema.LoraConfig(r=3, alpha=5, targets=["output.dense"]), new=FRESH)
    move(model)
    adapted: Any = model.bert.encoder.layer[1].output.dense
    a, b = adapted.lora_A["default"].weight, adapted.lora_B["default"].weight
    assert (a.shape, b.shape) == ((3, 24), (16, 3))
    expected = weight + 5 / 3 * (b @ a).detach()
    assert merge(model) == 4  # of the attention and of the feed-forward network, in both layers
    assert farthest(model.bert.encoder.layer[1].output.dense.weight, expected) < 1e-14


def test_alpha_is_twice_the_rank_where_it_is_left_out() -> None:
    model = bert()
    add_adapters(model, schema.LoraConfig(r=3), new=FRESH)
    assert model.bert.pooler.dense.scaling == {"default": 2.0}


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_wrapped_models_are_adapted_and_merged(variant: str, head: str, tmp_path: Path) -> None:
    """Their adapters count, and what they save opens in plain transformers with equal results."""
    model = hf_model(variant, head, torch.float64)
    wrapped: Any = hf_class_of(model).from_hf(model)
    inputs = batch().inputs
    mask = batch().mask.bool()

    def answer(one: Any) -> torch.Tensor:
        with torch.no_grad():
            found = one.eval()(**inputs)[0]
        return found[mask] if found.shape[:2] == mask.shape else found

    plain = answer(wrapped)
    names = add_adapters(wrapped, schema.LoraConfig(r=2))
    least = 7 if variant == "albert" else 12  # six linear layers each of two, which ALBERT shares
    assert len({name.partition(".lora_")[0] for name in names}) >= least
    move(wrapped)
    adapted = answer(wrapped)
    assert farthest(adapted, plain) > 1e-4
    merge(wrapped)
    assert farthest(answer(wrapped), adapted) < 1e-12
    wrapped.save_pretrained(tmp_path)
    with quiet_transformers():
        opened = getattr(transformers, type(wrapped).hf_name()).from_pretrained(
            tmp_path, dtype=torch.float64, attn_implementation="eager"
        )
    with casts_lifted():  # of transformers' Llama and its kin
        assert farthest(answer(opened), adapted) < 1e-12


# ---- what is refused -----------------------------------------------------------------------------


def refused(model: nn.Module, fresh: list[str], **lora: Any) -> str:
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    with pytest.raises(ConfigError) as caught:
        add_adapters(model, schema.LoraConfig(**lora), new=fresh)
    assert {name: p.requires_grad for name, p in model.named_parameters()} == before
    return str(caught.value)


def test_targets_that_match_nothing() -> None:
    assert refused(bert(), FRESH, targets=["query", "vaule"]) == (
        "tune.lora.targets: no linear layer of the body is called 'vaule'. Did you mean 'value'?"
    )
    assert refused(bert(), FRESH, targets=["classifier"]) == (
        "tune.lora.targets: no linear layer of the body is called 'classifier'. Choose one of: "
        "dense, key, query, value"
    )


def test_freeze_and_lora_of_the_same() -> None:
    model = bert()
    freeze(model, "body", new=FRESH)
    assert refused(model, FRESH) == (
        "tune.lora: tune.freeze holds every layer that would get an adapter; adapters already "
        "leave the pretrained weights as they are. Set tune.freeze=null"
    )


def test_layers_that_are_frozen_get_no_adapter() -> None:
    model = bert(num_hidden_layers=4)
    freeze(model, ["layers.0-2", "classifier.bias"], new=FRESH)
    names = add_adapters(model, schema.LoraConfig(), new=FRESH)
    assert len(names) == 14
    assert all(".layer.3." in name or ".pooler." in name for name in names)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {*names, "classifier.weight"}


def test_random_weights_are_not_adapted() -> None:
    model = bert()
    text = refused(model, [name for name, _ in model.named_parameters()])
    assert text.startswith("tune.lora: all weights of this model are random; only a pretrained")


def test_peft_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError) as caught:
        add_adapters(bert(), schema.LoraConfig(), new=FRESH)
    assert_wording(caught.value)
