"""Every small architecture, with every head, goes through the ordinary loop and comes back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_architectures import PAIRS, model_section
from helpers.support import reviews, write_csv
from helpers.wording import assert_wording

import hfdl
from hfdl.runs.run import Run
from hfdl.tasks.registry import task_class
from hfdl.training.events import Event, Noted

TEXTS = ["what a good film", "a dreadful book and long", "unheard"]
METRIC = {
    "text_classification": "accuracy", "token_classification": "f1", "causal_lm": "perplexity",
}  # fmt: skip
ENCODER = {
    "name": "hfdl://bert", "implementation": "hfdl",
    "config": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
               "intermediate_size": 32, "vocab_size": 200},
}  # fmt: skip


def silent(event: Event) -> None:
    """A listener that says nothing."""


@pytest.fixture(autouse=True, scope="module")
def without_report() -> Any:
    """Its plots take longer than the tiny runs do, and are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hfdl.runs.session.write_report", lambda folder: None)
        patch.setattr("hfdl.runs.session.write_model_card", lambda folder: None)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A file to train on for each task."""
    folder = tmp_path_factory.mktemp("data")
    sentences = []
    for row in reviews(40):
        words = row["text"].split()
        tags = ["O"] * (len(words) - 1) + ["B-THING"]
        sentences.append("\n".join(f"{w}\t{t}" for w, t in zip(words, tags, strict=True)))
    (folder / "tags.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    prose = "\n".join(row["text"] for row in reviews(60))
    (folder / "prose.txt").write_text(prose + "\n", encoding="utf-8")
    return {
        "text_classification": str(write_csv(folder / "texts.csv", reviews(40))),
        "token_classification": str(folder / "tags.conll"),
        "causal_lm": str(folder / "prose.txt"),
    }


@pytest.fixture(scope="module")
def run_of(
    data: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Run]:
    """``run_of(task, name)``: a finished run of twelve updates; each is trained once."""
    folder = tmp_path_factory.mktemp("runs")
    done: dict[tuple[str, str], Run] = {}

    def run(task: str, name: str) -> Run:
        if (task, name) not in done:
            recipe: dict[str, Any] = {
                "task": task,
                "model": ENCODER if name == "bert" else model_section(task, name),
                "data": {"train": data[task], "max_length": 24},
                "train": {"steps": 12, "batch_size": 8, "learning_rate": 5e-3,
                          "precision": "float32", "samples": ["what a"]},
            }  # fmt: skip
            done[task, name] = hfdl.train(
                as_recipe(recipe), output=folder / f"{task}-{name}", listener=silent
            )
        return done[task, name]

    return run


def as_recipe(recipe: dict[str, Any]) -> Any:
    from hfdl.config.schema import Recipe

    return Recipe.model_validate(recipe)


TRAINED = [*PAIRS, ("text_classification", "bert"), ("token_classification", "bert")]


@pytest.mark.parametrize(("task", "name"), TRAINED)
def test_it_trains_saves_and_is_evaluated_as_it_was(
    task: str, name: str, run_of: Callable[[str, str], Run]
) -> None:
    run = run_of(task, name)
    assert run.metrics["runtime"]["steps"] == 12
    found = hfdl.evaluate(run.directory, listener=silent)["validation"]
    saved = run.metrics["validation"]
    assert METRIC[task] in saved
    assert found == pytest.approx({key: saved[key] for key in found}, rel=1e-5)
    losses = [json.loads(line) for line in (run.directory / "log.jsonl").read_text().splitlines()]
    notes = [event["text"] for event in losses if event["event"] == "note"]
    words = "pieces (wordpiece)" if name == "bert" else "words"
    assert sum(f"{words} learned from train" in note for note in notes) == 1
    assert "random weights: nothing of the model is pretrained" in notes
    updates = [event["loss"] for event in losses if event["event"] == "update"]
    assert min(updates[1:]) < updates[0]


@pytest.mark.parametrize("task", ["text_classification", "token_classification"])
def test_the_vocabulary_is_of_the_training_split_alone(
    task: str, data: dict[str, str], tmp_path: Path
) -> None:
    held_out = tmp_path / Path(data[task]).name.replace("t", "v", 1)
    text = Path(data[task]).read_text(encoding="utf-8")
    held_out.write_text(text.replace("film", "zebra"), encoding="utf-8")
    recipe = "eras/bag-of-words" if task == "text_classification" else "ner-lstm"
    run = hfdl.train(
        recipe,
        {"data.train": data[task], "data.validation": str(held_out), "train.steps": 1},
        output=tmp_path / "run", listener=silent,
    )  # fmt: skip
    known = run.pipeline().tokenizer.get_vocab()
    words = {w for row in reviews(40) for w in re.findall(r"\w+|[^\w\s]", row["text"])}
    assert len(words) > 20
    assert {*known} == {"<pad>", "<unk>", "<|endoftext|>", *words}
    assert "zebra" not in known


def answers(run: Run, task: str) -> list[Any]:
    pipe = run.pipeline()
    if task == "causal_lm":
        return pipe(TEXTS, max_new_tokens=5)
    return pipe(TEXTS)


REOPEN = """
import json, sys
import torch, transformers
import hfdl
import hfdl.hf_models.word_models
found = []
for task, folder, auto, texts in json.loads(sys.argv[1]):
    options = {"max_new_tokens": 5} if task == "causal_lm" else {}
    said = hfdl.pipeline(model=folder)(texts, **options)
    model, info = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**rows).logits
    if logits.dim() == 3:  # what stands at padding says nothing
        logits = logits[rows["attention_mask"].bool()]
    wrong = [str(key) for keys in info.values() for key in keys]
    found.append([said, wrong, logits.double().abs().sum().item(), model.training])
print(json.dumps(found))
"""


def test_all_are_reopened_in_a_fresh_process(run_of: Callable[[str, str], Run]) -> None:
    """By hfdl.pipeline, and by transformers' Auto classes; equal answers."""
    import transformers

    runs = [(task, run_of(task, name)) for task, name in TRAINED]
    assert len(runs) == 14
    asked = [[task, str(run.directory), task_class(task).auto_class, TEXTS] for task, run in runs]
    done = subprocess.run(
        [sys.executable, "-c", REOPEN, json.dumps(asked)],
        capture_output=True, text=True, timeout=500, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for (task, run), (said, wrong, size, training) in zip(runs, found, strict=True):
        assert said == json.loads(json.dumps(answers(run, task))), run.directory
        assert (wrong, training) == ([], False), run.directory
        tokenizer = transformers.AutoTokenizer.from_pretrained(run.directory)
        model: Any = run.pipeline().model
        with torch.no_grad():
            rows = tokenizer(TEXTS, padding=True, return_tensors="pt")
            logits = model(**rows).logits
        if logits.dim() == 3:
            logits = logits[rows["attention_mask"].bool()]
        assert size == pytest.approx(logits.double().abs().sum().item(), rel=1e-6)


def test_resuming_is_exact_with_a_learned_vocabulary(data: dict[str, str], tmp_path: Path) -> None:
    overrides = {
        "data.train": data["text_classification"], "data.max_length": 24, "train.steps": 6,
        "train.batch_size": 8, "model.config.embedding_size": 8, "model.config.hidden_size": 8,
        "train.save_every": 2, "train.keep_checkpoints": 9,
    }  # fmt: skip
    whole = hfdl.train("eras/lstm", overrides, output=tmp_path / "whole", listener=silent)

    def break_off(event: Any) -> None:
        if event.kind == "update" and event.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hfdl.train("eras/lstm", overrides, output=tmp_path / "run", listener=break_off)
    again = hfdl.train(
        "eras/lstm", overrides, output=tmp_path / "run", resume=True, listener=silent
    )
    assert again.metrics["validation"] == whole.metrics["validation"]


def test_a_saved_small_model_can_be_trained_further_on_other_labels(
    run_of: Callable[[str, str], Run], tmp_path: Path
) -> None:
    run = run_of("text_classification", "gru")
    rows = [{"text": row["text"], "label": str(i % 3)} for i, row in enumerate(reviews(30))]
    said: list[str] = []
    again = hfdl.train(
        as_recipe({
            "task": "text_classification", "model": {"name": str(run.directory)},
            "data": {"train": str(write_csv(tmp_path / "other.csv", rows)), "max_length": 24},
            "train": {"steps": 2, "batch_size": 8, "precision": "float32"},
        }),
        output=tmp_path / "run",
        listener=lambda event: said.append(event.text) if isinstance(event, Noted) else None,
    )  # fmt: skip
    assert again.metrics["labels"] == ["0", "1", "2"]
    assert "new weights, randomly initialised: core.head.out.bias, core.head.out.weight" in (said)


@pytest.mark.parametrize("key", ["tokenizer", "vectors"])
@pytest.mark.parametrize("recipe", ["sentiment", "ner", "mlm"])
def test_a_saved_model_keeps_its_own_parts(recipe: str, key: str, tiny_bert: Path) -> None:
    from hfdl.errors import ConfigError

    with pytest.raises(ConfigError) as error:
        hfdl.train(recipe, {"model.name": str(tiny_bert), f"model.{key}": "words"})
    what = {"tokenizer": "a tokenizer", "vectors": "embeddings"}[key]
    assert str(error.value).startswith(f"model.{key}: {tiny_bert} has {what} of its own; another")


@pytest.mark.parametrize("size", [0, "many", 2.5, True])
def test_a_vocabulary_that_is_no_number_is_refused(
    size: Any, data: dict[str, str], tmp_path: Path
) -> None:
    from hfdl.errors import ConfigError

    with pytest.raises(ConfigError) as error:
        hfdl.train(
            "eras/rnn",
            {"data.train": data["text_classification"], "model.config.vocab_size": size},
            output=tmp_path / "run",
        )
    assert_wording(error.value)
    assert not (tmp_path / "run").exists()
