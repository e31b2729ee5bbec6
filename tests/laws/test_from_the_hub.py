"""A run that was pushed answers by its Hub id as it does by its folder, for every task.

Windows, thresholds, labels and decoding are in what is pushed, so that nobody has to know them. The
real client sends and fetches, a stand-in of the Hub keeps the files. Afterwards the same id works
without the Hub.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from helpers.hub.server import Hub
from helpers.support import reviews
from helpers.tuned_tasks import MAKERS, Bodies, make
from huggingface_hub import constants

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.weights.pretrained import quiet_transformers

pytestmark = pytest.mark.usefixtures("without_report")

LONG = " ".join(row["text"] for row in reviews(20))
CALLS: dict[str, list[Any]] = {
    "text_classification": ["a fine film", LONG],
    "token_classification": ["I saw a fine film", LONG],
    "masked_lm": ["a [MASK] film", "the [MASK] was [MASK]"],
    "causal_lm": ["a fine"],
    "translation": ["a fine film"],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "causal_lm": {"max_new_tokens": 6, "do_sample": False},
    "translation": {"max_new_tokens": 6},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "text_classification": {"data.long_text": "window", "data.max_length": 16},
}


@pytest.fixture(scope="module")
def bodies(tiny_bert: Path, tiny_gpt2: Path) -> Bodies:
    return Bodies(tiny_bert, tiny_gpt2)


def answers(task: str, model: str | Path) -> Any:
    return hfdl.pipeline(task, model=model)(CALLS[task], **OPTIONS.get(task, {}))


def push(run: Path, name: str = "mine") -> str:
    assert run_command(["push", str(run), name, "--yes"]) == 0
    return f"ann/{name}"


def wipe(hub: Hub) -> None:
    """The cache as on another machine, and nothing asked yet."""
    shutil.rmtree(constants.HF_HUB_CACHE, ignore_errors=True)
    hub.asked.clear()


@pytest.mark.parametrize("task", MAKERS)
def test_the_same_answers(task: str, hub: Hub, bodies: Bodies, tmp_path: Path, monkeypatch) -> None:
    made = make(task, tmp_path / "given", bodies, "auto", train__steps=6, **SETTINGS.get(task, {}))
    run = made.train(tmp_path / "run").directory
    here = answers(task, run)
    name = push(run)
    shutil.rmtree(run)
    wipe(hub)
    assert answers(task, name) == here
    assert any(line.startswith("GET /ann/mine/resolve") for line in hub.asked)
    assert not any("README" in line for line in hub.asked)
    opened = hfdl.pipeline(model=name)
    assert opened.task == hfdl.pipeline(task, model=name).task
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.asked.clear()
    assert answers(task, name) == here
    assert hub.asked == []


def test_windows_and_thresholds_come_along(hub: Hub, tiny_bert: Path, tmp_path: Path) -> None:
    rows = [
        {"text": f"{row['text']} {(i % 3 and 'odd') or 'even'}", "label": labels}
        for i, row in enumerate(reviews(60))
        if (labels := [row["label"], *(["odd"] if i % 3 else [])])
    ]
    settings = {
        "model.name": str(tiny_bert), "data.train": rows, "data.validation": rows,
        "data.max_length": 16, "data.long_text": "window", "train.epochs": 2,
        "train.learning_rate": 2e-3, "tune.threshold": {"odd": 0.45, "positive": 0.55},
    }  # fmt: skip
    run = hfdl.train("sentiment", settings, output=tmp_path / "run", listener=lambda event: None)
    texts = [row["text"] for row in rows[:20]] + [LONG]
    here = hfdl.pipeline(model=run.directory)(texts)
    cut = hfdl.pipeline(model=run.directory, long_text="truncate")(texts)
    assert here != cut  # the long text's windows are seen
    name = push(run.directory)
    wipe(hub)
    assert hfdl.pipeline(model=name)(texts) == here


def test_plain_transformers_opens_it(hub: Hub, trained: Path) -> None:
    name = push(trained)
    wipe(hub)
    with quiet_transformers():
        there = transformers.pipeline("text-classification", model=name)(["a fine film"])
        here = transformers.pipeline("text-classification", model=str(trained))(["a fine film"])
    assert there == here


def test_a_revision_and_the_newest(hub: Hub, trained: Path, tmp_path: Path, monkeypatch) -> None:
    from hfdl.hub import download

    run = Path(shutil.copytree(trained, tmp_path / "run"))
    assert run_command(["push", str(run), "mine", "--yes", "--tag", "v1"]) == 0
    first = hfdl.pipeline(model="ann/mine")("a fine film")
    other = hfdl.train(
        trained, {"train.seed": 5, "train.epochs": 1}, output=tmp_path / "other",
        listener=lambda event: None,
    ).directory  # fmt: skip
    second = hfdl.pipeline(model=other)("a fine film")
    assert first != second
    push(other)
    download._answers.clear()  # some seconds later
    assert hfdl.pipeline(model="ann/mine")("a fine film") == second
    assert hfdl.pipeline(model="ann/mine", revision="v1")("a fine film") == first
    assert hfdl.pipeline(model="ann/mine@v1")("a fine film") == first
    hub.fail(".", None)  # the Hub cannot be reached any more
    download._answers.clear()
    assert hfdl.pipeline(model="ann/mine")("a fine film") == second


def test_trained_further_by_its_id(hub: Hub, trained: Path, reviews_csv: Path, tmp_path) -> None:
    name = push(trained)
    wipe(hub)
    settings = {"data.train": str(reviews_csv), "train.steps": 2, "data.max_length": 32}
    runs = [
        hfdl.train("sentiment", {"model.name": model, **settings}, output=tmp_path / place,
                   listener=lambda event: None)
        for model, place in ((name, "there"), (str(trained), "here"))
    ]  # fmt: skip
    weights = [(run.directory / "model.safetensors").read_bytes() for run in runs]
    assert weights[0] == weights[1]


def test_adapters_go_merged_into_the_weights(hub: Hub, settings, tmp_path: Path) -> None:
    given = {**settings, "tune.lora": {"r": 4}, "train.steps": 12, "train.learning_rate": 1e-2}
    run = hfdl.train("sentiment", given, output=tmp_path / "run", listener=lambda event: None)
    texts = ["a fine film", "what a bad book"]
    here = hfdl.pipeline(model=run.directory)(texts)
    name = push(run.directory)
    files = set(hub.store.repos["model", name].files())
    assert not any("adapter" in file for file in files)
    shutil.rmtree(run.directory)
    wipe(hub)
    assert hfdl.pipeline(model=name)(texts) == here
    with quiet_transformers():
        auto = transformers.AutoModelForSequenceClassification
        model, info = auto.from_pretrained(name, output_loading_info=True)
        body = auto.from_pretrained(settings["model.name"], num_labels=2)
    assert not info["missing_keys"] | info["unexpected_keys"]
    query = "bert.encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(model.state_dict()[query], body.state_dict()[query])  # they were trained
    again = peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS"))
    trained, whole = again.get_nb_trainable_parameters()
    assert 0 < trained < whole
