"""Language models with a chunked loss, with adapters in them and merged again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import CASES, hf_model
from helpers.tiny_models import ENCODER_DECODERS, FAMILIES, lm_class, tiny_model
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.config.schema import LoraConfig
from hfdl.errors import ConfigError
from hfdl.hf_models import FamilyModel
from hfdl.hf_models.load import hf_class_of
from hfdl.tuning.freeze import freeze
from hfdl.tuning.lora import add_adapters, merge
from hfdl.weights.chunked_lm_loss import enable_chunked_loss
from hfdl.weights.pretrained import quiet_transformers

# One has no head for words of its own, and two have no float64: in their experts, in their mask.
THEIRS = sorted(set(FAMILIES) - {*ENCODER_DECODERS, "deberta-v2", "gpt_oss", "xlnet"})
OURS = [variant for variant, head in CASES if head in ("masked_lm", "causal_lm")]
HEADS = {variant: head for variant, head in CASES if head in ("masked_lm", "causal_lm")}
# What they say is capped, or not picked behind their body: see test_chunked_lm_loss.
WHOLE = {"gemma2", "opt"}
MODELS = [*(("transformers", name) for name in THEIRS), *(("hfdl", name) for name in OURS)]

IDS = torch.randint(3, 30, (2, 8), generator=torch.Generator().manual_seed(2))
PLACES = torch.tensor([0, 3, 6, 9, 15])
TARGETS = torch.tensor([4, 9, 3, 28, 11])


def made(code: str, name: str) -> Any:
    if code == "transformers":
        return tiny_model(name, auto=lm_class(name), dtype=torch.float64)
    model = hf_model(name, HEADS[name], torch.float64)
    return hf_class_of(model).from_hf(model)


def move(model: nn.Module) -> None:
    """Give every adapter a B that is not zero, so that it counts."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data.copy_(drawn * 0.1)


def gradients(model: nn.Module, total: Tensor) -> dict[str, Tensor]:
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(total, list(trained.values()))
    return dict(zip(trained, found, strict=True))


def plain_loss(model: Any) -> Tensor:
    logits = model(input_ids=IDS).logits.flatten(0, 1)[PLACES]
    return F.cross_entropy(logits, TARGETS, reduction="sum")


def score(model: Any) -> Tensor:
    return model(input_ids=IDS, positions=PLACES, targets=TARGETS).total


def test_the_models_are_many() -> None:
    assert len(THEIRS) >= 19
    assert len(OURS) >= 10


@pytest.mark.parametrize(("code", "name"), MODELS)
def test_scores_and_gradients_are_those_of_the_plain_forward(
    code: str, name: str, tmp_path: Path
) -> None:
    model = enable_chunked_loss(made(code, name))
    chunked, words = type(model), model.get_output_embeddings()
    before = float(score(model).detach())
    names = add_adapters(model, LoraConfig(r=2))
    move(model)
    # The class stays, and the layer that says words is no adapter.
    assert type(model) is chunked
    assert model.get_output_embeddings() is words
    assert model.scores_in_chunks == (name not in WHOLE)
    adapted = {p for p in names if words in (model.get_submodule(p.partition(".lora_")[0]),)}
    assert not adapted
    expected, found = plain_loss(model), score(model)
    assert abs(float(expected.detach()) - before) > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    ours, theirs = gradients(model, found), gradients(model, expected)
    assert ours.keys() == theirs.keys() >= set(names)
    for each, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[each], rtol=1e-8, atol=1e-10)
    assert any(bool(gradient.abs().max() > 1e-4) for gradient in ours.values())
    assert merge(model) == len(names) // 2
    assert type(model) is chunked
    assert model.scores_in_chunks == (name not in WHOLE)
    torch.testing.assert_close(score(model), found, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(plain_loss(model), found, rtol=1e-10, atol=1e-10)
    own = type(model).hf_name() if isinstance(model, FamilyModel) else type(model).__name__
    with quiet_transformers():
        model.save_pretrained(tmp_path)
        opened = getattr(transformers, own).from_pretrained(tmp_path, dtype=torch.float64).eval()
    with torch.no_grad():
        torch.testing.assert_close(plain_loss(opened), found.detach(), rtol=1e-5, atol=1e-5)


def test_an_adapted_model_still_generates() -> None:
    model = enable_chunked_loss(made("transformers", "gpt2"))
    add_adapters(model, LoraConfig(r=2))
    move(model)
    options = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
    written = model.generate(IDS, **options)
    merge(model)
    assert torch.equal(model.generate(IDS, **options), written)
    plain = made("transformers", "gpt2").generate(IDS, **options)
    assert not torch.equal(plain, written)  # the adapters were heard


UNTIED = {"tie_word_embeddings": False}


def test_a_pretrained_layer_that_says_words_is_no_adapter_beside_a_fresh_head() -> None:
    """A file that lacks a part of the head: the rest of it counts as body."""
    model = enable_chunked_loss(tiny_model("bert", auto="AutoModelForMaskedLM", **UNTIED))
    fresh = ["cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias"]
    names = add_adapters(model, LoraConfig(r=2), new=fresh)
    assert not [name for name in names if "decoder" in name]
    assert type(model.get_output_embeddings()) is nn.Linear
    assert model.scores_in_chunks
    assert not model.cls.predictions.decoder.weight.requires_grad
    torch.testing.assert_close(score(model), plain_loss(model))


@pytest.mark.parametrize("target", ["lm_head", "decoder"])
def test_it_is_none_even_where_it_is_asked_for(target: str) -> None:
    family = "llama" if target == "lm_head" else "bert"
    model = tiny_model(family, auto=lm_class(family), **UNTIED)
    with pytest.raises(ConfigError) as caught:
        add_adapters(enable_chunked_loss(model), LoraConfig(targets=[target]))
    assert str(caught.value).startswith(
        f"tune.lora.targets: no linear layer of the body is called {target!r}. "
    )


def test_a_frozen_body_leaves_the_head_that_says_words_to_be_trained() -> None:
    model = enable_chunked_loss(tiny_model("llama", auto="AutoModelForCausalLM", **UNTIED))
    frozen = freeze(model, "body")
    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["lm_head.weight"]
    assert frozen.eval_modules == [model.model]
    found, expected = score(model), plain_loss(model)
    torch.testing.assert_close(gradients(model, found), gradients(model, expected))
