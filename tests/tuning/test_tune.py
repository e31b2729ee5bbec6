"""What a run says of its weights: which are new, and how many are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.scratch_models import CASES, hf_model
from helpers.support import reviews, write_csv
from helpers.tiny_models import tiny_model
from helpers.tuned_tasks import Bodies, lines, make

import hfdl
from hfdl.config.schema import LoraConfig
from hfdl.errors import ConfigError
from hfdl.hf_models.load import hf_class_of
from hfdl.training.events import Event, Noted
from hfdl.tuning.freeze import freeze
from hfdl.tuning.lora import add_adapters
from hfdl.tuning.tune import new_weights

RANDOM = "random weights: nothing of the model is pretrained"
NEW = "new weights, randomly initialised: "


pytestmark = pytest.mark.usefixtures("without_report")


def test_at_most_six_new_weights_are_named() -> None:
    model = tiny_model("bert", auto="AutoModelForSequenceClassification")
    names = [name for name, _ in model.named_parameters()]
    assert new_weights(model, []) == []
    assert new_weights(model, names[:1]) == [NEW + names[0]]
    assert new_weights(model, names[:6]) == [NEW + ", ".join(names[:6])]
    assert new_weights(model, names[:7]) == [NEW + ", ".join(names[:6]) + " and 1 more"]
    assert new_weights(model, names[:-1]) == [
        NEW + ", ".join(names[:6]) + f" and {len(names) - 7} more"
    ]
    assert new_weights(model, names) == [RANDOM]


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_a_model_in_own_code_is_random_where_transformers_is(variant: str, head: str) -> None:
    model = hf_model(variant, head)
    names = [name for name, _ in model.named_parameters()]
    wrapped = hf_class_of(model).from_hf(model)
    assert new_weights(wrapped, names) == [RANDOM]
    assert new_weights(wrapped, names[:2]) == [NEW + ", ".join(names[:2])]
    with pytest.raises(ConfigError, match=r"^tune\.lora: all weights of this model are random; "):
        add_adapters(wrapped, LoraConfig(), new=names)
    with pytest.raises(ConfigError, match=r"^tune\.freeze: all weights of this model are random; "):
        freeze(wrapped, "body", new=names)


def fresh_runs(folder: Path, tiny_bert: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    corpus = {"data.train": str(lines(folder)), "data.separator": "\n", "data.max_length": 32}
    rows = [{"text": row["text"], "label": row["text"]} for row in reviews(60)]
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 16}  # fmt: skip
    gpt2 = {"vocab_size": 300, "n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 32}
    source = str(write_csv(folder / "reviews.csv", reviews(60)))
    return {
        "clm": ("clm", {**corpus, "model.name": "hfdl://gpt2", "model.config": gpt2,
                        "train.samples": []}),
        "mlm": ("mlm", {**corpus, "model.name": "hfdl://bert", "model.config": small}),
        "translation": ("translation", {
            "data.train": str(write_csv(folder / "pairs.csv", rows)), "data.text": "text",
            "data.label": "label", "model.config": {
                "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 16,
            },
        }),
        "sentiment": ("sentiment", {
            "data.train": source, "data.max_length": 32, "model.name": str(tiny_bert),
            "model.config": small,
        }),
    }  # fmt: skip


def notes_of(recipe: str, settings: dict[str, Any], output: Path) -> list[str]:
    events: list[Event] = []
    hfdl.train(recipe, settings, output=output, listener=events.append)
    return [event.text for event in events if isinstance(event, Noted)]


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize("name", ["clm", "mlm", "translation", "sentiment"])
def test_a_run_from_random_weights_says_so_in_a_line(
    name: str, implementation: str, tmp_path: Path, tiny_bert: Path
) -> None:
    recipe, settings = fresh_runs(tmp_path, tiny_bert)[name]
    notes = notes_of(recipe, {
        **settings, "model.implementation": implementation, "train.steps": 1,
        "train.batch_size": 4, "train.precision": "float32",
    }, tmp_path / "run")  # fmt: skip
    assert notes.count(RANDOM) == 1
    assert not [note for note in notes if "randomly initialised" in note]
    assert max(map(len, notes)) < 300


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize("task", ["masked_lm", "causal_lm"])
def test_a_run_from_a_saved_model_names_its_new_head(
    task: str, implementation: str, tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path
) -> None:
    run = make(
        task, tmp_path / "data", Bodies(tiny_bert, tiny_gpt2), implementation, train__steps=1
    )
    notes = notes_of(run.recipe, run.settings, tmp_path / "run")
    found = [note for note in notes if NEW in note]
    assert RANDOM not in notes
    if task == "causal_lm":
        assert not found
        return
    (line,) = found
    assert line.startswith(NEW + "cls.predictions.bias, ")
    assert line.count("cls.predictions") <= 6
