"""The loop against transformers' Trainer on the same mathematics, and its own promises."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from safetensors.torch import load_file

import hfdl
from hfdl.errors import ConfigError, MissingExtraError, TrainingError
from hfdl.tasks.text_classification.task import TextClassification
from hfdl.training.events import Evaluated, Event, Finished, Updated


def silent(event: Event) -> None:
    """A listener that says nothing."""


@pytest.fixture
def without_dropout(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny model, classification head included, with all its dropout at zero."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path / "model"
    torch.manual_seed(1)
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        tiny_bert, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label={0: "negative", 1: "positive"}, label2id={"negative": 0, "positive": 1},
    )  # fmt: skip
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return folder


def trainer_weights(model_folder: Path, rows: list[dict[str, str]], steps: int, out: Path) -> Any:
    """What the Trainer makes of the same rows, all of them in every update."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    tokenizer: Any = AutoTokenizer.from_pretrained(model_folder)
    ids = {"negative": 0, "positive": 1}
    data: Any = [{**tokenizer(row["text"]), "labels": ids[row["label"]]} for row in rows]
    model: Any = AutoModelForSequenceClassification.from_pretrained(model_folder)
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(out), max_steps=steps, per_device_train_batch_size=len(rows),
            learning_rate=1e-3, weight_decay=0.01, max_grad_norm=0.004, warmup_steps=2,
            lr_scheduler_type="linear", use_cpu=True, report_to="none", disable_tqdm=True,
            save_strategy="no", logging_strategy="no",
        ),
        train_dataset=data,
        data_collator=DataCollatorWithPadding(tokenizer),
    ).train()  # fmt: skip
    return {name: tensor.detach() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("micro_batch_size", [None, 7])
def test_updates_equal_those_of_the_trainer(
    micro_batch_size: int | None, without_dropout: Path, tmp_path: Path
) -> None:
    rows = reviews(30)
    source = write_csv(tmp_path / "rows.csv", rows)
    steps = 6
    settings = {
        "model.name": str(without_dropout), "data.train": str(source), "data.max_length": 64,
        "data.validation": str(source), "train.batch_size": len(rows), "train.steps": steps,
        "train.micro_batch_size": micro_batch_size, "train.learning_rate": 1e-3,
        "train.weight_decay": 0.01, "train.clip_norm": 0.004, "train.warmup": 2,
        "train.precision": "float32", "train.evaluate_every": steps,
    }  # fmt: skip
    norms: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Updated):
            norms.append(event.grad_norm)

    hfdl.train("sentiment", settings, output=tmp_path / "run", listener=note)
    ours = load_file(tmp_path / "run" / "model.safetensors")
    theirs = trainer_weights(without_dropout, rows, steps, tmp_path / "trainer")
    start = load_file(without_dropout / "model.safetensors")
    assert len(norms) == steps
    assert max(norms) > 0.005  # the clipping really clipped
    moved = torch.stack([(theirs[n] - start[n]).norm() for n in start]).norm()
    apart = torch.stack([(theirs[n] - ours[n]).norm() for n in start]).norm()
    assert moved > 0.01
    # AdamW's first updates have the size of the learning rate whatever the gradient's size is, so
    # rounding in gradients near zero shows here more than in the gradients themselves.
    assert float(apart / moved) < 1e-3
    assert all(torch.allclose(ours[n], theirs[n], atol=2e-5) for n in start)


def test_a_loss_that_is_not_finite_stops_before_the_update(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss, calls = TextClassification.loss, 0

    def poisoned(
        self: TextClassification, outputs: Any, batch: Any, *, training: bool = False
    ) -> Any:
        nonlocal calls
        calls += training
        found = loss(self, outputs, batch, training=training)
        return type(found)(found.total * (math.nan if calls == 5 else 1.0), found.count)

    monkeypatch.setattr(TextClassification, "loss", poisoned)
    steps: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, Updated):
            steps.append(event.step)

    run = tmp_path / "run"
    with pytest.raises(TrainingError) as caught:
        hfdl.train("sentiment", {**settings, "train.save_every": 2}, output=run, listener=note)
    message = str(caught.value)
    assert "the loss of update 5 is not finite" in message
    assert "reviews.csv, line " in message
    assert "train.learning_rate=0.0001" in message
    assert steps == [1, 2, 3, 4]
    (newest,) = (run / "checkpoints").glob("step-000004")
    kept = load_file(newest / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_a_gradient_that_is_not_finite_stops_before_the_update(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"the (gradient|loss) of update \d+ is not finite"):
        hfdl.train(
            "sentiment",
            {**settings, "train.learning_rate": 1e30, "train.clip_norm": None},
            output=tmp_path / "run",
            listener=silent,
        )


def test_the_best_weights_are_the_ones_saved(settings: dict[str, Any], tmp_path: Path) -> None:
    # A rate that destroys what was learnt: the best evaluation is not the last.
    chosen = {
        **settings, "train.learning_rate": 0.05, "train.schedule": "constant",
        "train.evaluate_every": 2, "train.steps": 24, "train.best_metric": "loss",
    }  # fmt: skip
    evaluations: list[Evaluated] = []

    def note(event: Event) -> None:
        if isinstance(event, Evaluated):
            evaluations.append(event)

    run = hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=note)
    losses = [event.metrics["loss"] for event in evaluations]
    best = min(range(12), key=losses.__getitem__)
    assert [event.step for event in evaluations] == list(range(2, 25, 2))
    assert best < 11
    assert evaluations[best].is_best
    assert run.metrics["best"]["step"] == evaluations[best].step
    assert run.metrics["validation"]["loss"] == pytest.approx(losses[best], rel=1e-5)
    assert run.metrics["best"]["value"] == losses[best]


def test_early_stopping_waits_for_its_patience(settings: dict[str, Any], tmp_path: Path) -> None:
    chosen = {
        **settings, "train.early_stopping": 3, "train.evaluate_every": 1, "train.epochs": 9,
        "train.learning_rate": 1e-12,
    }  # fmt: skip
    finished: list[Finished] = []

    def note(event: Event) -> None:
        if isinstance(event, Finished):
            finished.append(event)

    hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=note)
    assert [(event.reason, event.step) for event in finished] == [("early_stopping", 4)]


@pytest.mark.parametrize(
    "option", ["gradient_checkpointing", pytest.param("compile", marks=pytest.mark.slow)]
)
def test_an_option_for_memory_or_speed_does_not_change_the_result(
    option: str, settings: dict[str, Any], without_dropout: Path, tmp_path: Path
) -> None:
    chosen = {**settings, "model.name": str(without_dropout), "train.steps": 8}
    plain = hfdl.train("sentiment", chosen, output=tmp_path / "plain", listener=silent)
    other = hfdl.train(
        "sentiment", {**chosen, f"train.{option}": True}, output=tmp_path / "other", listener=silent
    )
    a = load_file(plain.directory / "model.safetensors")
    b = load_file(other.directory / "model.safetensors")
    assert a.keys() == b.keys()
    assert max(float((a[n] - b[n]).abs().max()) for n in a) < 1e-4
    losses = [
        [json.loads(line)["loss"] for line in (run.directory / "log.jsonl").read_text().splitlines()
         if '"update"' in line]
        for run in (plain, other)
    ]  # fmt: skip
    assert len(losses[0]) == 8
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_trackers_are_given_every_figure(settings: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = hfdl.train(
        "sentiment", {**settings, "train.trackers": ["tensorboard"], "train.steps": 5},
        output=tmp_path / "run", listener=silent,
    )  # fmt: skip
    (file,) = run.directory.rglob("events.out.tfevents.*.0")
    events = EventAccumulator(str(file.parent))
    events.Reload()
    assert {"train/loss", "train/learning_rate", "validation/accuracy"} <= set(
        events.Tags()["scalars"]
    )
    assert [e.step for e in events.Scalars("train/loss")] == [1, 2, 3, 4, 5]


def test_trackers_that_are_unknown_or_absent_are_refused(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"unknown tracker 'tensorbord'.* Did you mean 'tensorboard'"
    ):
        hfdl.train(
            "sentiment", {**settings, "train.trackers": ["tensorbord"]}, output=tmp_path / "a"
        )
    with pytest.raises(MissingExtraError, match="needs the package 'aim', which is not installed"):
        hfdl.train("sentiment", {**settings, "train.trackers": ["aim"]}, output=tmp_path / "a")
    assert not (tmp_path / "a").exists()
