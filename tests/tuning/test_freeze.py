"""What is frozen does not move, builds no graph and drops nothing; wrong choices are named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.scratch_models import hf_model
from helpers.support import reviews, write_csv
from helpers.tiny_models import tiny_model
from helpers.wording import assert_wording
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModel

import hfdl
from hfdl.config.schema import TuneConfig
from hfdl.errors import CheckpointError, ConfigError
from hfdl.hf_models.load import hf_class_of
from hfdl.tasks.text_classification.task import TextClassification
from hfdl.training.events import Checkpointed, Event, Noted, Planned
from hfdl.tuning.freeze import freeze
from hfdl.tuning.tune import tune

FRESH = ["classifier.bias", "classifier.weight"]


pytestmark = pytest.mark.usefixtures("without_report")


def bert(**changes: Any) -> Any:
    return tiny_model("bert", auto="AutoModelForSequenceClassification", **changes)


def trained(model: nn.Module) -> list[str]:
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


# ---- what is chosen ------------------------------------------------------------------------------


def layer(name: str, *numbers: int) -> bool:
    return any(f".layer.{number}." in name for number in numbers)


CHOICES: dict[str, Any] = {
    "body": lambda name: name.startswith("bert."),
    "embeddings": lambda name: ".embeddings." in name,
    "layers.0-3": lambda name: layer(name, 0, 1, 2, 3),
    "layers.5": lambda name: layer(name, 5),
    "*.bias": lambda name: name.endswith(".bias"),
    "classifier.*": lambda name: name.startswith("classifier."),
}


@pytest.mark.parametrize("what", CHOICES)
def test_what_a_choice_holds(what: str) -> None:
    model = bert(num_hidden_layers=6)
    names = [name for name, _ in model.named_parameters()]
    frozen = freeze(model, what, new=FRESH)
    expected = [name for name in names if CHOICES[what](name)]
    assert 0 < len(expected) < len(names)
    assert frozen.names == expected
    assert trained(model) == [name for name in names if name not in expected]
    assert frozen.eval_modules == ([model.bert] if what == "body" else [])


def test_a_list_holds_each_of_its_choices() -> None:
    model = bert(num_hidden_layers=6)
    frozen = freeze(model, ["embeddings", "layers.0-4", "*.pooler.*"], new=FRESH)
    assert all(layer(name, 5) or name in FRESH for name in trained(model))
    assert len(frozen.names) == 5 + 5 * 16 + 2


def test_a_pooler_without_pretrained_weights_is_trained_with_the_head() -> None:
    model = bert()
    freeze(model, "body", new=[*FRESH, "bert.pooler.dense.bias", "bert.pooler.dense.weight"])
    assert trained(model) == ["bert.pooler.dense.weight", "bert.pooler.dense.bias", *FRESH[::-1]]


def test_the_body_of_a_wrapped_model_is_that_of_its_core() -> None:
    model = hf_model("bert", "sequence")
    wrapped = hf_class_of(model).from_hf(model)
    frozen = freeze(wrapped, "body", new=FRESH)
    assert trained(wrapped) == ["core.head.out.weight", "core.head.out.bias"]
    assert frozen.eval_modules == [wrapped.core.backbone]


# ---- wrong choices -------------------------------------------------------------------------------

WRONG = {
    "bodie": (
        "tune.freeze: 'bodie' matches no parameter; it is 'body', 'embeddings', 'layers.0-3' or a "
        "pattern of names such as '*.bias'. Did you mean 'body'?"
    ),
    "embedings": "Did you mean 'embeddings'?",
    "*.poler.*": "Did you mean '*pooler*'?",
    "bert.encoder.layer.0.atention.self.query.weight": "Did you mean '*",
    "layers.9-12": (
        "tune.freeze: 'layers.9-12' is no range of this model's layers; it has 6, layers.0 to "
        "layers.5, counted from the input. Correct the numbers"
    ),
    "layers.6": "it has 6, layers.0 to layers.5",
    "layers.3-1": "'layers.3-1' is no range of this model's layers",
    "*": (
        "tune.freeze: '*' leaves nothing to train; at least one parameter must learn. Freeze less"
    ),
    "zzz": "For instance 'bert.embeddings.word_embeddings.weight'",
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_choice_is_named(what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        freeze(bert(num_hidden_layers=6), what, new=FRESH)
    assert WRONG[what] in str(caught.value)


def test_body_and_head_leave_nothing() -> None:
    with pytest.raises(ConfigError) as caught:
        freeze(bert(), ["body", "classifier.*"], new=FRESH)
    assert str(caught.value).startswith("tune.freeze: 'body' and 'classifier.*' leaves nothing")


def test_a_random_body_is_not_kept_as_it_is() -> None:
    model = bert()
    with pytest.raises(ConfigError) as caught:
        freeze(model, "body", new=[name for name, _ in model.named_parameters()])
    assert_wording(caught.value)


def test_the_share_that_is_trained_is_said() -> None:
    model = bert()
    total = sum(p.numel() for p in model.parameters())
    made = tune(model, TuneConfig(freeze="body"), new=FRESH, rate=1e-3)
    assert made.facts == [
        f"trained: 34 weights, {34 / total:.2%} of {total / 1000:.1f} k",
        "the body is a feature extractor: its dropout is off",
    ]
    assert tune(bert(), TuneConfig(), new=FRESH, rate=1e-3).facts == []


# ---- in a run ------------------------------------------------------------------------------------


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_a_feature_extractor_moves_in_nothing_but_its_head(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, implementation: str
) -> None:
    """In training its body gives the features of evaluation, without a graph."""
    seen: list[tuple[nn.Module, Any, dict[str, Any], torch.Tensor]] = []
    heads: list[bool] = []
    build = TextClassification.build_model

    def state_of(output: Any) -> torch.Tensor:
        return output if isinstance(output, torch.Tensor) else output[0]

    def note(body: nn.Module, args: Any, inputs: dict[str, Any], output: Any) -> None:
        if torch.is_grad_enabled():
            assert not body.training
            seen.append((body, args, inputs, state_of(output)))

    def watched(self: TextClassification, *args: Any) -> Any:
        model: Any = build(self, *args)
        own = implementation == "hfdl"
        body = model.core.backbone if own else model.bert
        head = model.core.head.out_dropout if own else model.dropout
        body.register_forward_hook(note, with_kwargs=True)
        head.register_forward_hook(lambda m, i, o: heads.append(m.training))
        return model

    monkeypatch.setattr(TextClassification, "build_model", watched)
    events: list[Event] = []
    chosen = {
        **settings, "tune.freeze": "body", "model.implementation": implementation,
        "train.steps": 4, "train.evaluate_every": 2,
    }  # fmt: skip
    hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=events.append)
    before = load_file(Path(settings["model.name"]) / "model.safetensors")
    after = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(after[f"bert.{name}"], tensor) for name, tensor in before.items())
    assert len(before) > 30
    assert set(after) - {f"bert.{name}" for name in before} == set(FRESH)
    assert sum(heads) == len(seen) == 4  # the head keeps its dropout
    for body, args, inputs, features in seen:
        assert not features.requires_grad
        with torch.no_grad():
            again = state_of(body.eval()(*args, **inputs))
        torch.testing.assert_close(again, features, rtol=1e-5, atol=1e-6)
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert "the body is a feature extractor: its dropout is off" in notes
    planned = next(event for event in events if isinstance(event, Planned))
    assert planned.trainable == 66
    assert any(
        note.startswith(f"trained: 66 weights, {66 / planned.parameters:.2%} of") for note in notes
    )


def test_a_checkpoint_holds_what_is_trained_and_asks_for_the_same_rest(
    settings: dict[str, Any], tmp_path: Path, tiny_bert: Path
) -> None:
    body = tmp_path / "body"
    shutil.copytree(tiny_bert, body)
    source = write_csv(tmp_path / "rows.csv", reviews(40))
    chosen = {
        **settings, "model.name": str(body), "data.train": str(source), "tune.freeze": "body",
        "train.steps": 3, "train.save_every": 1,
    }  # fmt: skip

    def stop(event: Event) -> None:
        if isinstance(event, Checkpointed):
            raise KeyboardInterrupt

    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        hfdl.train("sentiment", chosen, output=run, listener=stop)
    (kept,) = (run / "checkpoints").glob("step-*")
    assert sorted(load_file(kept / "model.safetensors")) == [
        "core.head.out.bias",
        "core.head.out.weight",
    ]
    model = AutoModel.from_pretrained(body)
    with torch.no_grad():
        model.embeddings.LayerNorm.bias[0] += 1
    model.save_pretrained(body)
    with pytest.raises(CheckpointError) as caught:
        hfdl.train(run, output=run, resume=True, listener=lambda event: None)
    assert_wording(caught.value)
