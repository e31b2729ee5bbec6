"""Pipelines by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_models import tiny_model
from helpers.wording import assert_wording
from transformers import AutoTokenizer

import hfdl
from hfdl.errors import ConfigError, ModelError
from hfdl.pipelines.registry import WITHOUT_TASK, pipeline_names, pipeline_spec
from hfdl.tasks.registry import TASKS, attribute, task_spec


def test_every_name_leads_to_a_class_of_its_task() -> None:
    for name in pipeline_names():
        spec = pipeline_spec(name)
        assert spec.implementation is not None
        built: Any = attribute(spec.implementation)
        assert built.task == (name if name in WITHOUT_TASK else TASKS[str(spec.task)].hub_task)
    assert len(pipeline_names()) >= 15
    assert len(WITHOUT_TASK) == 3
    assert not set(WITHOUT_TASK) & {*TASKS, *(a for s in TASKS.values() for a in s.aliases)}


@pytest.mark.parametrize("name", ["zero-shot", "feature_extraction", "embedding", "ner2", "qqq"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline(name, model="x")
    assert_wording(caught.value)


# task -> a class with its head; language models are left to the tasks, for XLNet fills masks too
HEADS = {
    "text_classification": "BertForSequenceClassification",
    "token_classification": "BertForTokenClassification",
}


@pytest.mark.parametrize("saved", HEADS)
def test_a_classifier_of_another_task_is_refused_by_every_task(saved: str, tmp_path: Path) -> None:
    for file in ("model.safetensors", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"")  # config.json alone decides
    config = {"model_type": "bert", "architectures": [HEADS[saved]]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert set(HEADS) == {n for n in TASKS if str(TASKS[n].hub_task).endswith("classification")}
    refused = 0
    for name in (*TASKS, *(alias for spec in TASKS.values() for alias in spec.aliases)):
        spec = task_spec(name)
        if spec.name == saved:
            continue
        with pytest.raises(ModelError) as caught:
            hfdl.pipeline(name, model=str(tmp_path))
        assert caught.value.where == str(tmp_path)
        assert str(caught.value.problem) == (
            f"the model has no head for {spec.name}: it is a {HEADS[saved]}, trained for {saved}"
        )
        refused += 1
    assert refused >= 8
    assert_wording(caught.value)


def test_a_text_classifier_does_not_label_tokens_though_its_weights_fit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tiny_model("distilbert", auto="AutoModelForSequenceClassification")
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", "utf-8")
    assert (
        hfdl.pipeline("sentiment", model=str(tmp_path))("a a")[0]["label"]
        in model.config.id2label.values()
    )
    with pytest.raises(ModelError, match="no head for token_classification"):
        hfdl.pipeline("ner", model=str(tmp_path))
    with pytest.raises(ModelError, match="no head for token_classification"):
        hfdl.pipeline("ner", model=model, tokenizer=AutoTokenizer.from_pretrained(tmp_path))
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    for names in (None, [], ["DistilBertModel"], ["SomebodysOwnModel"]):  # they say no task
        saved = {**config, "architectures": names}
        (tmp_path / "config.json").write_text(json.dumps(saved), encoding="utf-8")
        assert hfdl.pipeline("sentiment", model=str(tmp_path))("a a")
