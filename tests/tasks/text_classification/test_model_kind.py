"""A saved model that gives a label, several or a number, with data of each other kind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from helpers.support import reviews

import hfdl
from hfdl.config.load import load_recipe
from hfdl.data.readers.sources import load_splits
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.head_note import head_notes
from hfdl.training.events import Event, Noted

pytestmark = pytest.mark.usefixtures("without_report")

SINGLE, MULTI = "single_label_classification", "multi_label_classification"
REGRESSION = "regression"
ANSWERS = {SINGLE: "one label", MULTI: "any number of labels", REGRESSION: "a number"}
LABELS = {"positive": 0, "negative": 1}

LABEL: dict[str, Callable[[str], str]] = {
    SINGLE: lambda label: label,
    MULTI: lambda label: "positive;negative" if label == "positive" else label,
    REGRESSION: lambda label: "1.5" if label == "positive" else "0.25",
}


def model(tiny_bert: Path, folder: Path, kind: str | None) -> Path:
    """A model with a head, whose config says its kind."""
    shutil.copytree(tiny_bert, folder)
    names = {0: "LABEL_0"} if kind == REGRESSION else {i: n for n, i in LABELS.items()}
    made = transformers.AutoModelForSequenceClassification.from_pretrained(
        tiny_bert, num_labels=len(names), id2label=names, problem_type=kind
    )
    made.save_pretrained(folder)
    return folder


def file(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.csv"
    rows = "".join(f"{r['text'].replace(',', '')},{LABEL[kind](r['label'])}\n" for r in reviews(64))
    path.write_text("text,label\n" + rows)
    return path


def settings(model: Path, data: Path, kind: str) -> dict[str, object]:
    more = {"data.label_separator": ";"} if kind == MULTI else {}
    return {"model.name": str(model), "data.train": str(data), "data.max_length": 24,
            "train.steps": 2, "train.precision": "float32", **more}  # fmt: skip


CASES = [(old, new) for old in (None, *ANSWERS) for new in ANSWERS]


@pytest.mark.parametrize(("old", "new"), CASES)
def test_training_and_data_check_say_that_the_kind_changes(
    old: str | None, new: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", old)
    chosen = settings(folder, file(tmp_path, new), new)
    seen: list[Event] = []
    run = hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=seen.append)
    said = [e.text for e in seen if isinstance(e, Noted) and e.text.startswith("the model gave")]
    if old in (None, new):
        assert said == []
    else:
        line = (
            f"the model gave {ANSWERS[old]} a text ({old}), and is trained and measured here for "
            f"{ANSWERS[new]} ({new})"
        )
        keep = f"; data.problem_type={MULTI} keeps it" if (old, new) == (MULTI, SINGLE) else ""
        assert said == [line + keep]
    recipe = load_recipe("sentiment", chosen)
    notes = head_notes(recipe, load_splits(recipe.data))
    assert [text for text in notes if text.startswith("the model gave")] == said
    # It is opened, and measured again, as what it was trained for.
    assert json.loads((run.directory / "config.json").read_text())["problem_type"] == new
    again = hfdl.evaluate(run.directory, listener=seen.append)
    assert again["validation"] == pytest.approx(run.metrics["validation"], rel=1e-3)


def test_what_the_line_offers_keeps_the_kind(tiny_bert: Path, tmp_path: Path) -> None:
    folder = model(tiny_bert, tmp_path / "model", MULTI)
    chosen = settings(folder, file(tmp_path, SINGLE), SINGLE) | {"data.problem_type": MULTI}
    seen: list[Event] = []
    run = hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=seen.append)
    assert run.metrics["problem_type"] == MULTI
    assert not [e for e in seen if isinstance(e, Noted) and e.text.startswith("the model gave")]


@pytest.mark.parametrize(("held", "is_said"), [(SINGLE, True), (MULTI, False)])
def test_several_labels_measured_on_rows_of_one(
    held: str, is_said: bool, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", MULTI)
    seen: list[Event] = []
    given = {"data.test": str(file(tmp_path, held)), "data.label_separator": ";"}
    scores = hfdl.evaluate(folder, given, listener=seen.append)
    assert "f1_macro" in scores["test"]
    said = [e.text for e in seen if isinstance(e, Noted) and "any number of labels" in e.text]
    assert len(said) == is_said


@pytest.mark.parametrize("kind", ANSWERS)
def test_another_kind_is_not_asked_of_a_saved_model(
    kind: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", kind)
    given = {"data.test": str(file(tmp_path, kind))}
    given |= {"data.label_separator": ";"} if kind == MULTI else {}
    hfdl.evaluate(folder, {**given, "data.problem_type": kind}, listener=lambda event: None)
    for other in ANSWERS.keys() - {kind}:
        with pytest.raises(ConfigError, match=f"{other} is asked for, and the model is one of"):
            hfdl.evaluate(folder, {**given, "data.problem_type": other})


@pytest.mark.parametrize("value", ["neg", "very good", "4 stars", "+"])
def test_names_are_no_answers_of_a_model_that_gives_a_number(
    value: str, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = model(tiny_bert, tmp_path / "model", REGRESSION)
    test = tmp_path / "test.csv"
    test.write_text(f"text,label\na film,2\na book,{value}\n")
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(folder, {"data.test": str(test)})
    assert f"{test}, line 3: {value!r} in column 'label' is not a number" in str(caught.value)
    assert "problem_type=" not in str(caught.value)
    test.write_text("text,label\na film,2\na book,nan\n")
    with pytest.raises(DataError, match="line 3"):
        hfdl.evaluate(folder, {"data.test": str(test)})


def test_a_few_that_mean_no_label_are_told_as_in_training(tiny_bert: Path, tmp_path: Path) -> None:
    folder = model(tiny_bert, tmp_path / "model", REGRESSION)
    test = tmp_path / "test.csv"
    test.write_text("text,label\na film,2\na book,unrated\na song,1.5\na play,3\n")
    with pytest.raises(DataError, match="if it means that there is no label"):
        hfdl.evaluate(folder, {"data.test": str(test)})
