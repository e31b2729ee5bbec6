"""``hfdl data check`` says of a saved head what training says, for every task with labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers
from helpers.support import reviews
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Event, Noted
from hfdl.weights.pretrained import quiet_transformers

pytestmark = pytest.mark.usefixtures("without_report")
AUTO = {
    "text_classification": ("sentiment", "AutoModelForSequenceClassification"),
    "token_classification": ("ner", "AutoModelForTokenClassification"),
}
KEPT = "head kept: its labels are those of the data"
TAGS = ["O", "B-PER", "I-PER"]

# task -> the model's labels (None: a body without a head), and the line
CASES: list[tuple[str, list[str] | None, str | None]] = [
    ("text_classification", ["negative", "positive"], KEPT),
    ("text_classification", ["positive", "negative"],
     "head kept, its rows put in the order of the data's labels: negative, positive"),
    ("text_classification", ["POSITIVE", "Negative"],
     "head kept, its rows put in the order of the data's labels (Negative is negative, POSITIVE "
     "is positive): negative, positive"),
    ("text_classification", ["LABEL_0", "LABEL_1"],
     "head kept by number, its labels having no names: LABEL_0 is negative, LABEL_1 is positive"),
    ("text_classification", ["negative", "neutral", "positive"],
     "head kept by name: negative, positive; dropped: neutral"),
    ("text_classification", ["positive", "neutral"],
     "head kept by name: positive; new, randomly initialised: negative; dropped: neutral"),
    ("text_classification", ["ham", "spam", "eggs"],
     "head new: the model's labels are others (ham, spam, eggs), and the data's negative, "
     "positive"),
    ("text_classification", ["LABEL_0", "LABEL_1", "LABEL_2"],
     "head new: the model's labels are others (LABEL_0, LABEL_1, LABEL_2), and the data's "
     "negative, positive"),
    ("text_classification", None, None),
    ("token_classification", TAGS, KEPT),
    ("token_classification", ["I-PER", "O", "B-PER"],
     "head kept, its rows put in the order of the data's labels: O, B-PER, I-PER"),
    ("token_classification", ["O", "PER"],
     "head kept, its rows put in the order of the data's labels (PER is B-PER, PER is I-PER): "
     "O, B-PER, I-PER"),
    ("token_classification", ["O", "b_per", "i_per", "b_loc"],
     "head kept by name (b_per is B-PER, i_per is I-PER): O, B-PER, I-PER; dropped: b_loc"),
    ("token_classification", ["NOUN", "VERB"],
     "head new: the model's labels are others (NOUN, VERB), and the data's O, B-PER, I-PER"),
    ("token_classification", None, None),
]  # fmt: skip


def model(body: Path, folder: Path, task: str, names: list[str] | None) -> Path:
    if names is None:
        return body
    with quiet_transformers():
        auto = getattr(transformers, AUTO[task][1])
        auto.from_pretrained(
            body, num_labels=len(names), id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
        ).save_pretrained(folder)  # fmt: skip
    transformers.AutoTokenizer.from_pretrained(body).save_pretrained(folder)
    return folder


def data(folder: Path, task: str) -> Path:
    rows: list[dict[str, Any]] = reviews(24)
    if task == "token_classification":
        rows = [{"tokens": [*row["text"].split()[:3], "x"], "tags": ["O", "B-PER", "I-PER", "O"]}
                for row in rows]  # fmt: skip
    file = folder / "data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_every_task_with_labels_is_among_the_cases() -> None:
    with_labels = {name for name, spec in TASKS.items() if spec.rows in ("labels", "entities")}
    assert {task for task, _, _ in CASES} == with_labels & set(AUTO) == set(AUTO)
    assert len(CASES) == 15


@pytest.mark.parametrize(("task", "names", "line"), CASES)
def test_training_and_data_check_say_the_same(
    task: str, names: list[str] | None, line: str | None, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", task, names)
    settings = {
        "model.name": str(folder), "data.train": str(data(tmp_path, task)), "data.max_length": 32,
    }  # fmt: skip
    events: list[Event] = []
    recipe = AUTO[task][0]
    chosen = {**settings, "train.steps": 1, "train.precision": "float32"}
    hfdl.train(recipe, chosen, output=tmp_path / "run", listener=events.append)
    trained = [event.text for event in events if isinstance(event, Noted)]
    checked = json.loads(_check(recipe, settings, "--json"))["notes"]
    assert _of_head(trained) == _of_head(checked) == ([] if line is None else [line])
    if line is not None:
        printed = " ".join(_check(recipe, settings).split())
        assert line in printed


def _of_head(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("head ")]


def _check(recipe: str, settings: dict[str, str], *options: str) -> str:
    given = [f"{key}={value}" for key, value in settings.items()]
    result = CliRunner().invoke(app, ["data", "check", recipe, *given, *options])
    assert result.exit_code == 0, result.output
    return result.stdout


NOTHING_TO_SAY: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "numbers": lambda rows: [{**row, "label": i + 0.5} for i, row in enumerate(rows)],
    "one class, which training refuses": lambda rows: [{**row, "label": "x"} for row in rows],
    "a row without a label": lambda rows: [*rows, {"text": "a film", "label": None}],
}


@pytest.mark.parametrize("name", NOTHING_TO_SAY)
def test_nothing_is_said_where_no_label_can_be_matched(
    name: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", "text_classification", ["negative", "positive"])
    file = tmp_path / "data.jsonl"
    rows = NOTHING_TO_SAY[name](reviews(24))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    given = [f"model.name={folder}", f"data.train={file}", "data.max_length=32", "--json"]
    result = CliRunner().invoke(app, ["data", "check", "sentiment", *given])
    assert _of_head(json.loads(result.stdout)["notes"]) == []
