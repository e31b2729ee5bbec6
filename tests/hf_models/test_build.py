"""Whose code a model runs in: hfdl's own by default, transformers' where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import CASES, batch, farthest, hf_model
from helpers.tiny_models import FAMILIES, tiny_model
from helpers.tuned_tasks import Bodies, make

import hfdl
from hfdl.config.schema import ModelConfig
from hfdl.errors import ModelError
from hfdl.hf_models import HF_MODELS, HfModel
from hfdl.hf_models.build import implementation_of, in_asked_code
from hfdl.hf_models.load import hf_class_of
from hfdl.tuning.freeze import freeze
from hfdl.tuning.lora import add_adapters
from hfdl.weights.parameter_names import all_names
from hfdl.weights.pretrained import quiet_transformers

AUTO = ModelConfig(name="any")
UNKNOWN = [
    "bart", "bloom", "deberta-v2", "falcon", "gemma2", "gpt_neo", "gpt_oss", "gptj", "mpt", "opt",
    "phi3", "t5", "xlnet",
]  # fmt: skip


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_auto_is_hfdls_own_code_with_the_same_answers(variant: str, head: str) -> None:
    theirs, given = batch(), hf_model(variant, head)
    with torch.no_grad():
        expected = given(**theirs.inputs)[0]
        model, reason = in_asked_code(given, AUTO)
        answer = model(**theirs.inputs)[0]
    assert type(model) is HF_MODELS[type(given).__name__]
    assert (reason, implementation_of(model)) == (None, "hfdl")
    assert farthest(theirs.valid(answer), theirs.valid(expected)) < 2e-5


def test_the_cases_are_every_class_that_hfdl_has() -> None:
    assert {type(hf_model(*case)).__name__ for case in CASES} == set(HF_MODELS)
    assert len(HF_MODELS) == 48
    assert sorted(set(FAMILIES) - set(UNKNOWN)) == [
        "albert", "bert", "distilbert", "electra", "gpt2", "llama", "mistral", "modernbert",
        "qwen2", "qwen3", "roberta",
    ]  # fmt: skip


@pytest.mark.parametrize("family", UNKNOWN)
def test_a_family_without_own_code_stays_transformers_and_a_line_says_so(family: str) -> None:
    given = tiny_model(family)
    model, reason = in_asked_code(given, AUTO)
    assert model is given
    assert implementation_of(model) == "hf"
    name = type(given).__name__
    assert reason == f"transformers' code: hfdl has no code of its own for {name}"
    with pytest.raises(ModelError, match=f"no code of its own for {name}"):
        in_asked_code(given, ModelConfig(name="any", implementation="hfdl"))


def test_a_setting_without_own_code_stays_transformers_and_a_line_says_so() -> None:
    given = tiny_model("bert", hidden_act="quick_gelu")
    model, reason = in_asked_code(given, AUTO)
    assert model is given
    assert reason == "transformers' code: hfdl's own bert cannot do hidden_act = 'quick_gelu'"


def test_an_attention_that_only_transformers_runs_stays_there() -> None:
    asked = ModelConfig(name="any", attention="flash_attention_2")
    model, reason = in_asked_code(hf_model("bert", "sequence"), asked)
    assert type(model) is transformers.BertForSequenceClassification
    assert reason == "transformers' code: hfdl's own does not run flash_attention_2"
    for runs in ("sdpa", "eager", "hfdl", "/home/me/mine.py:attend"):
        asked = ModelConfig(name="any", attention=runs)
        assert isinstance(in_asked_code(hf_model("bert", "sequence"), asked)[0], HfModel)


def test_hf_asks_for_transformers_class() -> None:
    given = hf_model("gpt2", "causal_lm")
    assert in_asked_code(given, ModelConfig(name="any", implementation="hf")) == (given, None)


# ---- what a run says and leaves ----------------------------------------------------------------


@pytest.mark.parametrize("asked", ["auto", "hf", "hfdl"])
@pytest.mark.usefixtures("without_report")
def test_a_run_says_whose_code_it_ran(
    asked: str, tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path
) -> None:
    bodies, run = Bodies(tiny_bert, tiny_gpt2), tmp_path / "run"
    made = make("text_classification", tmp_path / "data", bodies, asked, train__steps=1)
    made.train(run, lambda event: None)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    (plan,) = (event for event in log if event["event"] == "plan")
    ran = {"auto": "hfdl"}.get(asked, asked)
    assert plan["implementation"] == ran
    opened = transformers.AutoModelForSequenceClassification.from_pretrained(run)
    assert type(opened) is transformers.BertForSequenceClassification
    # What it is used in is what it was trained in.
    assert implementation_of(hfdl.pipeline(model=run).model) == ran


def test_a_run_in_transformers_code_says_why(tmp_path: Path, tiny_bert: Path) -> None:
    body = tmp_path / "body"
    with quiet_transformers():
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
        tiny_model("xlnet", vocab_size=len(tokenizer)).save_pretrained(body)
    tokenizer.save_pretrained(body)
    bodies, notes = Bodies(body, body), []
    made = make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    made.train(tmp_path / "run", lambda event: notes.append(getattr(event, "text", "")))
    assert (
        "transformers' code: hfdl has no code of its own for XLNetForSequenceClassification"
        in notes
    )
    assert implementation_of(hfdl.pipeline(model=tmp_path / "run").model) == "hf"


# ---- transformers' names for parameters --------------------------------------------------------


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_every_parameter_is_called_what_transformers_calls_it(variant: str, head: str) -> None:
    given = hf_model(variant, head)
    # The second bias of an untied head for words is not read.
    unread = ("cls.predictions.bias", "predictions.bias") if "untied" in variant else ()
    names = [name for name, _ in given.named_parameters() if name not in unread]
    called = all_names(hf_class_of(given).from_hf(given))
    found = {name for each in called.values() for name in each if not name.startswith("core.")}
    # The second name of a tied tensor is one, and no parameter of transformers' own list.
    assert set(names) <= found <= {*given.state_dict()}
    assert all(len(each) > 1 for each in called.values())


def _frozen(model: Any, pattern: str) -> int:
    freeze(model, pattern)
    return sum(p.numel() for p in model.parameters() if not p.requires_grad)


@pytest.mark.parametrize(
    ("variant", "pattern"),
    [
        ("bert", "bert.encoder.layer.1.*"), ("bert", "*.attention.self.query.weight"),
        ("bert", "*LayerNorm*"), ("gpt2", "*.c_attn.*"), ("gpt2", "transformer.wte.weight"),
        ("llama", "*.mlp.*"), ("distilbert", "*.sa_layer_norm.bias"), ("qwen3", "*q_norm*"),
    ],
)  # fmt: skip
def test_a_pattern_of_transformers_names_freezes_the_same_weights(
    variant: str, pattern: str
) -> None:
    given = hf_model(variant, "sequence")
    own = hf_class_of(given).from_hf(given)
    assert _frozen(own, pattern) == _frozen(given, pattern) > 0


@pytest.mark.parametrize(
    ("variant", "targets", "layers"),
    [("bert", ["query", "value"], 6), ("bert", ["output.dense"], 6), ("gpt2", ["c_attn"], 9),
     ("llama", ["q_proj", "down_proj"], 6), ("distilbert", ["lin1"], 3)],
)  # fmt: skip
def test_adapters_go_to_layers_by_transformers_names(
    variant: str, targets: list[str], layers: int
) -> None:
    pytest.importorskip("peft")
    from hfdl.config.schema import LoraConfig

    model, _ = in_asked_code(hf_model(variant, "sequence"), AUTO)
    names = add_adapters(model, LoraConfig(targets=targets))
    assert len(names) == 2 * layers
