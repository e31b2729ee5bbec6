"""Saved encoders opened for their answers alone: hfdl's own code, bit for bit, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.scratch_models import CASES, ENCODERS, batch, hf_model, model_type
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

import hfdl
from hfdl.config.schema import ModelConfig
from hfdl.models.answering import AnsweringEncoder
from hfdl.tasks.answering import open_for_answers
from hfdl.weights.model_config import load_config

PLAIN = ModelConfig(name="any")
LABELLERS = [case for case in CASES if case[1] in ("sequence", "token")]


def opened(folder: Path, head: Any, asked: ModelConfig = PLAIN) -> AnsweringEncoder | None:
    return open_for_answers(folder, asked, load_config(folder), head)


@pytest.mark.parametrize(("variant", "head"), LABELLERS)
def test_the_answers_are_those_of_hfdls_own_model(tmp_path: Path, variant: str, head: str) -> None:
    hf_model(variant, head).save_pretrained(tmp_path)
    state = torch.get_rng_state()
    quick = opened(tmp_path, head)
    assert torch.equal(torch.get_rng_state(), state)  # its first weights were not drawn
    if model_type(variant) not in ENCODERS:
        assert quick is None
        return
    assert quick is not None
    assert not isinstance(quick, PreTrainedModel)
    assert not any(module.training for module in quick.modules())
    usual = hfdl.load_scratch(str(tmp_path))
    for padding in ("right", "left", "none"):
        inputs = batch(padding).inputs
        with torch.inference_mode():
            assert torch.equal(quick(**inputs).logits, usual(**inputs).logits)
    ids = batch().inputs["input_ids"]
    if "bert" in variant and model_type(variant) == "bert":
        types = torch.randint(2, ids.shape, generator=torch.Generator().manual_seed(1))
        inputs = {**batch().inputs, "token_type_ids": types}
        with torch.inference_mode():
            assert torch.equal(quick(**inputs).logits, usual(**inputs).logits)
            assert torch.equal(quick(ids).logits, usual(ids).logits)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    hf_model("bert", "sequence").save_pretrained(tmp_path)
    assert opened(tmp_path, "sequence") is not None
    return tmp_path


CONFIGS: list[dict[str, Any]] = [
    {"architectures": ["BertForTokenClassification"]},
    {"architectures": None},
    {"hidden_act": "quick_gelu"},
    {"is_decoder": True},
    {"hfdl_class": {"name": "mine.py:Mine", "sha256": "0"}},
    {"hfdl_attention": {"name": "mine.py:attend", "sha256": "0"}},
    {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    {"output_hidden_states": True},
]


@pytest.mark.parametrize("change", CONFIGS, ids=map(str, CONFIGS))
def test_what_config_json_says_of_more_is_left_to_the_usual_way(
    saved: Path, change: dict[str, Any]
) -> None:
    path = saved / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert opened(saved, "sequence") is None


@pytest.mark.parametrize(
    "section",
    [
        {"implementation": "hf"},
        {"attention": "eager"},
        {"class": "mine.py:Mine"},
    ],
    ids=str,
)
def test_what_the_recipe_asks_for_is_left_to_the_usual_way(
    saved: Path, section: dict[str, Any]
) -> None:
    asked = ModelConfig.model_validate({"name": "any", **section})
    assert opened(saved, "sequence", asked) is None


def test_other_heads_are_left_to_the_usual_way(saved: Path) -> None:
    assert opened(saved, "token") is None
    assert opened(saved, "masked_lm") is None
    assert opened(saved, "base") is None


def changed(tensors: dict[str, torch.Tensor], change: str) -> dict[str, torch.Tensor]:
    tensors = dict(tensors)
    match change:
        case "missing":
            del tensors["classifier.bias"]
        case "unknown":
            tensors["classifier.other"] = torch.zeros(1)
        case "old name":
            norm = "bert.embeddings.LayerNorm"
            tensors[f"{norm}.gamma"] = tensors.pop(f"{norm}.weight")
        case "shape":
            tensors["classifier.bias"] = torch.zeros(7)
        case "bfloat16":
            tensors = {name: tensor.bfloat16() for name, tensor in tensors.items()}
        case "float64":
            tensors["classifier.bias"] = tensors["classifier.bias"].double()
        case _:
            raise AssertionError(change)
    return tensors


@pytest.mark.parametrize(
    "change", ["missing", "unknown", "old name", "shape", "bfloat16", "float64"]
)
def test_weights_of_another_form_are_left_to_the_usual_way(saved: Path, change: str) -> None:
    file = saved / "model.safetensors"
    save_file(changed(load_file(file), change), file)
    assert opened(saved, "sequence") is None


def test_a_damaged_file_and_none(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"no weights")
    assert opened(saved, "sequence") is None
    (saved / "model.safetensors").unlink()
    assert opened(saved, "sequence") is None


def test_a_run_answers_alike_in_both_ways(trained: Path) -> None:
    texts = ["a fine film", "a poor and boring film with a plot", "film " * 60]
    usual: Any = hfdl.pipeline(model=trained)
    quick: Any = hfdl.pipeline(model=trained, answers_only=True)
    named: Any = hfdl.pipeline("sentiment", model=str(trained), answers_only=True)
    assert isinstance(named.model, AnsweringEncoder)
    assert isinstance(quick.model, AnsweringEncoder)
    assert isinstance(usual.model, PreTrainedModel)
    assert quick(texts, top_k=None) == usual(texts, top_k=None)
    assert repr(quick)


def test_models_of_vectors_and_open_models_are_taken_as_they_are(trained: Path) -> None:
    given: Any = hfdl.pipeline(model=trained)
    again: Any = hfdl.pipeline(
        "sentiment", model=given.model, tokenizer=given.tokenizer, answers_only=True
    )
    assert again.model is given.model
    vectors: Any = hfdl.pipeline("feature-extraction", model=trained, answers_only=True)
    plain: Any = hfdl.pipeline("feature-extraction", model=trained)
    assert vectors("a fine film") == plain("a fine film")
