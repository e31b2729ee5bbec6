"""A run with ``model.implementation=hfdl``: hfdl's own model trains, transformers' is saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.support import reviews, write_csv

import hfdl
from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models import HfModel, ScratchBertForSequenceClassification
from hfdl.tasks.text_classification.task import TextClassification
from hfdl.training.events import Event, Noted, Planned
from hfdl.weights.pretrained import quiet_transformers

pytestmark = pytest.mark.usefixtures("without_report")


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The models that runs build."""
    models: list[Any] = []
    build = TextClassification.build_model

    def noting(self: TextClassification, *args: Any) -> Any:
        models.append(build(self, *args))
        return models[-1]

    monkeypatch.setattr(TextClassification, "build_model", noting)
    return models


def train(settings: dict[str, Any], output: Path, **more: Any) -> list[Event]:
    events: list[Event] = []
    chosen = {**settings, **{key.replace("_", ".", 1): value for key, value in more.items()}}
    hfdl.train("sentiment", chosen, output=output, listener=events.append)
    return events


def test_it_learns_and_plain_transformers_opens_it(
    settings: dict[str, Any], tmp_path: Path, built: list[Any]
) -> None:
    test = write_csv(tmp_path / "test.csv", reviews(30))
    run = tmp_path / "run"
    events = train(
        settings, run, model_implementation="hfdl", train_epochs=4, train_learning_rate=2e-3,
        data_test=str(test),
    )  # fmt: skip
    (model,) = built
    assert type(model) is ScratchBertForSequenceClassification
    planned = next(event for event in events if isinstance(event, Planned))
    assert planned.implementation == "hfdl"
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert "new weights, randomly initialised: classifier.bias, classifier.weight" in notes
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["architectures"]) == (
        "bert", ["BertForSequenceClassification"],
    )  # fmt: skip
    with quiet_transformers():
        opened = transformers.AutoModelForSequenceClassification.from_pretrained(run).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(run)
    rows = [row["text"] for row in reviews(12)]
    inputs = tokenizer(rows, padding=True, return_tensors="pt")
    assert not bool(inputs["attention_mask"].all())
    with torch.no_grad():
        expected = opened(**inputs).logits
        found = model.eval()(**inputs).logits
    assert float((expected - found).abs().max()) < 1e-5
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["accuracy"] > 0.8
    again = hfdl.evaluate(run, {"data.test": str(test)})
    assert again["test"]["accuracy"] == metrics["test"]["accuracy"]
    assert again["test"]["loss"] == pytest.approx(metrics["test"]["loss"], abs=1e-5)


def test_it_trains_as_transformers_code_does(
    settings: dict[str, Any], tmp_path: Path, tiny_bert: Path, built: list[Any]
) -> None:
    """Without dropout both make the same updates, to rounding."""
    sizes = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    folder = tmp_path / "body"
    with quiet_transformers():
        config = transformers.AutoConfig.from_pretrained(tiny_bert, **sizes)
        transformers.AutoModel.from_pretrained(tiny_bert, config=config).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    logits = []
    inputs = {"input_ids": torch.arange(5, 17).view(2, 6)}
    for implementation in ("hf", "hfdl"):
        train(
            {**settings, "model.name": str(folder)}, tmp_path / implementation, train_steps=6,
            model_implementation=implementation, train_gradient_checkpointing=True,
        )  # fmt: skip
        with torch.no_grad():
            logits.append(built[-1].eval()(**inputs).logits)
    assert [isinstance(model, HfModel) for model in built] == [False, True]
    assert float((logits[0] - logits[1]).abs().max()) < 1e-5
    fresh = transformers.AutoModelForSequenceClassification.from_config(built[0].config)
    with torch.no_grad():
        assert float((fresh.eval()(**inputs).logits - logits[0]).abs().max()) > 1e-3


def test_scratch_is_an_alias_of_hfdl_and_trains_the_same(
    settings: dict[str, Any], tmp_path: Path, built: list[Any]
) -> None:
    for implementation in ("hfdl", "scratch"):
        train(
            settings, tmp_path / implementation, model_implementation=implementation, train_steps=2
        )
    own, alias = (tmp_path / name for name in ("hfdl", "scratch"))
    assert type(built[0]) is type(built[1]) is ScratchBertForSequenceClassification
    for file in ("model.safetensors", "recipe.yaml"):
        assert (own / file).read_bytes() == (alias / file).read_bytes()


def test_from_random_weights(settings: dict[str, Any], tmp_path: Path, built: list[Any]) -> None:
    train(
        settings, tmp_path / "run", model_implementation="hfdl", train_steps=2,
        model_config={"hidden_size": 16, "num_attention_heads": 2},
    )  # fmt: skip
    assert built[0].core.backbone.embeddings.tokens.weight.shape[1] == 16
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["hidden_size"] == 16


def test_gpt2(settings: dict[str, Any], tmp_path: Path, tiny_gpt2: Path, built: list[Any]) -> None:
    train(
        {**settings, "model.name": str(tiny_gpt2)}, tmp_path / "run", train_steps=3,
        model_implementation="hfdl",
    )  # fmt: skip
    assert type(built[0]).__name__ == "ScratchGPT2ForSequenceClassification"
    with quiet_transformers():
        opened = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "run")
    ids = torch.arange(5, 15).view(2, 5)
    with torch.no_grad():
        gap = opened.eval()(ids).logits - built[0].eval()(ids).logits
    assert float(gap.abs().max()) < 1e-5


SIZES = {
    "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 3, "intermediate_size": 48,
    "max_position_embeddings": 64,
}  # fmt: skip
WITHOUT_DROPOUT: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16, "num_hidden_groups": 2, "classifier_dropout_prob": 0.0},
    "modernbert": {"local_attention": 4, "cls_token_id": 2, "sep_token_id": 3},
}


@pytest.mark.parametrize("kind", WITHOUT_DROPOUT)
def test_other_encoders_from_a_folder_train_as_transformers_code_does(
    settings: dict[str, Any], tmp_path: Path, tiny_bert: Path, built: list[Any], kind: str
) -> None:
    folder, texts = tmp_path / kind, [row["text"] for row in reviews(12)]
    with quiet_transformers():
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
        config = transformers.AutoConfig.for_model(
            kind, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, bos_token_id=2,
            eos_token_id=3, **SIZES, **WITHOUT_DROPOUT[kind],
        )  # fmt: skip
        transformers.AutoModel.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    assert not bool(inputs["attention_mask"].all())
    inputs.pop("token_type_ids")
    logits = []
    for implementation in ("hf", "hfdl"):
        train(
            {**settings, "model.name": str(folder)}, tmp_path / implementation, train_steps=6,
            model_implementation=implementation,
        )  # fmt: skip
        with quiet_transformers(), torch.no_grad():
            opened = transformers.AutoModelForSequenceClassification.from_pretrained(
                tmp_path / implementation
            ).eval()
            logits += [built[-1].eval()(**inputs).logits, opened(**inputs).logits]
    assert [isinstance(model, HfModel) for model in built] == [False, True]
    assert type(built[0]).__name__ == type(built[1]).hf_name()
    assert max(float((each - logits[0]).abs().max()) for each in logits) < 1e-5
    assert bool((logits[0] != logits[0][0]).any())


@pytest.mark.parametrize("name", ["hfdl://albert", "hfdl://modernbert"])
def test_other_encoders_train_from_nothing(
    settings: dict[str, Any], tmp_path: Path, built: list[Any], name: str
) -> None:
    test, run = write_csv(tmp_path / "test.csv", reviews(30)), tmp_path / "run"
    sizes = {k: v for k, v in SIZES.items() if k != "max_position_embeddings"}
    train(
        {**settings, "model.name": name}, run, model_implementation="hfdl", model_config=sizes,
        train_epochs=8, train_learning_rate=4e-3, data_test=str(test),
    )  # fmt: skip
    assert isinstance(built[0], HfModel)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["accuracy"] > 0.8
    with quiet_transformers():
        opened = transformers.AutoModelForSequenceClassification.from_pretrained(run).eval()
    assert type(opened).__name__ == type(built[0]).hf_name()
    ids = torch.arange(5, 25).view(2, 10)
    with torch.no_grad():
        gap = opened(ids).logits - built[0].eval()(ids).logits
    assert float(gap.abs().max()) < 1e-5


def test_a_model_that_hfdl_has_not_is_refused_before_anything_is_written(
    settings: dict[str, Any], tmp_path: Path, tiny_bert: Path
) -> None:
    folder = tmp_path / "mpnet"
    with quiet_transformers():
        tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
        transformers.MPNetModel(transformers.MPNetConfig(
            vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=8, max_position_embeddings=64,
        )).save_pretrained(folder)  # fmt: skip
        tokenizer.save_pretrained(folder)
    chosen = {**settings, "model.name": str(folder)}
    with pytest.raises(ModelError) as caught:
        train(chosen, tmp_path / "run", model_implementation="hfdl")
    assert str(caught.value).startswith(
        "hfdl has no code of its own for MPNetForSequenceClassification; it has bare models"
    )
    assert str(caught.value).endswith(". Run transformers' own code: model.implementation=hf")
    assert not (tmp_path / "run").exists()


def test_no_other_implementation_is_known(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.implementation"):
        train(settings, tmp_path / "run", model_implementation="mine")
