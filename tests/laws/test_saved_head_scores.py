"""What a saved model scores does not change by being trained further for no time at all.

Its labels stand in another order in the data, or as numbers, or in other spellings; the random
heads here score far from what any other order of their rows would.
"""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import hfdl
from hfdl.config.overrides import parse_overrides
from hfdl.errors import DataError
from hfdl.training.events import Evaluated, Noted
from hfdl.weights.pretrained import quiet_transformers

NAMES = ["zeta", "alpha", "mid"]
CASES = list(itertools.product(["single", "multi"], ["hf", "hfdl"], [False, True]))
CASES += [("token", code, lora) for code in ("hf", "hfdl") for lora in (False, True)]


def test_every_task_with_labels_is_among_the_cases() -> None:
    from hfdl.tasks.registry import TASKS, task_class

    labelled = {name for name in TASKS if task_class(name).head in ("sequence", "token")}
    assert labelled == {"text_classification", "token_classification"}
    assert len(CASES) == 12


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [row["text"] for row in reviews(40)]


@pytest.fixture(scope="module")
def classifier(
    tiny_bert: Path, make_classifier: Callable[..., Path], texts: list[str]
) -> tuple[Path, list[str]]:
    """A random model, and the label that it gives each text, as plain transformers has it."""
    names = dict(enumerate(NAMES))
    folder = make_classifier(tiny_bert, id2label=names, label2id={v: k for k, v in names.items()})
    return folder, [NAMES[i] for i in balanced(folder, texts)]


def balanced(folder: Path, texts: list[str]) -> list[int]:
    """Give each label of a random model about as many texts; the ids that it then answers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with quiet_transformers(), torch.no_grad():
        model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        model.classifier.bias -= model(**inputs).logits.mean(dim=0)
        ids = model(**inputs).logits.argmax(-1).tolist()
        model.save_pretrained(folder)
    assert set(ids) == set(range(model.config.num_labels))
    return ids


def start(recipe: str, model: Path, output: Path, **more: Any) -> tuple[dict[str, float], list]:
    """The first evaluation of a run that learns nothing, and its lines."""
    events: list[Any] = []
    settings = {
        "model.name": str(model), "data.max_length": 32, "train.steps": 1,
        "train.learning_rate": 1e-12, "train.evaluate_at_start": True, "train.batch_size": 8,
        "train.precision": "float32", **{key.replace("__", "."): v for key, v in more.items()},
    }  # fmt: skip
    hfdl.train(recipe, settings, output=output, listener=events.append)
    first = next(event for event in events if isinstance(event, Evaluated))
    facts = [event.text for event in events if isinstance(event, Noted)]
    return first.metrics, facts


def options(code: str, lora: bool) -> dict[str, Any]:
    if lora:
        pytest.importorskip("peft")
    return {"model__implementation": code, **({"tune__lora": {}} if lora else {})}


@pytest.mark.parametrize(("problem", "code", "lora"), CASES)
@pytest.mark.usefixtures("without_report")
def test_scores_stay(
    problem: str, code: str, lora: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if problem == "token":
        scores, facts = tagged(code, lora, tmp_path, request.getfixturevalue("tiny_bert"))
        assert scores["f1"] > 0.9
        assert facts == [
            "head kept, its rows put in the order of the data's labels: O, B-PER, I-PER, B-THING, "
            "I-THING"
        ]
        return
    folder, answers = request.getfixturevalue("classifier")
    rows: list[dict[str, Any]] = [
        {"text": text, "label": label}
        for text, label in zip(request.getfixturevalue("texts"), answers, strict=True)
    ]
    if problem == "multi":
        rows = [{**row, "label": [row["label"]]} for row in rows]
    scores, facts = start(
        "sentiment", folder, tmp_path / "run", data__train=rows, data__validation=rows,
        **options(code, lora),
    )  # fmt: skip
    lines = [fact for fact in facts if fact.startswith("head")]
    assert lines == ["head kept, its rows put in the order of the data's labels: alpha, mid, zeta"]
    if problem == "single":
        assert scores["accuracy"] == scores["f1"] == 1.0
    else:
        measured = hfdl.evaluate(tmp_path / "run", {"data.test": rows}, listener=lambda e: None)
        assert scores["f1"] == measured["test"]["f1"] > 0.4


def tagged(code: str, lora: bool, tmp_path: Path, body: Path) -> tuple[dict[str, float], list[str]]:
    """A tagger whose tags are in no usual order, trained on its own answers."""
    from helpers.tuned_tasks import tagged as tag

    rows = [tag(row["text"].split()) for row in reviews(60)]
    rows = [*rows, {"tokens": ["great", "b", "x"], "tags": ["O", "B-PER", "I-PER"]}] * 2
    settings = {
        "model.name": str(body), "data.train": rows, "data.validation": rows,
        "data.max_length": 32, "train.epochs": 4, "train.batch_size": 8,
        "train.learning_rate": 3e-3, "train.precision": "float32",
    }  # fmt: skip
    run = hfdl.train("ner", settings, output=tmp_path / "first", listener=lambda e: None)
    shuffled = reorder(run.directory, tmp_path / "model", [3, 0, 4, 2, 1])
    measured = hfdl.evaluate(shuffled, {"data.test": rows}, listener=lambda e: None)["test"]
    scores, facts = start(
        "ner", shuffled, tmp_path / "run", data__train=rows, data__validation=rows,
        **options(code, lora),
    )  # fmt: skip
    assert scores["f1"] == measured["f1"] == run.metrics["validation"]["f1"]
    return scores, [fact for fact in facts if fact.startswith("head")]


def reorder(run: Path, folder: Path, order: list[int]) -> Path:
    """The model of a run with its labels, and the rows of its head, in another order."""
    from transformers import AutoModelForTokenClassification

    with quiet_transformers():
        model = AutoModelForTokenClassification.from_pretrained(run)
        names = [model.config.id2label[i] for i in order]
        for parameter in model.classifier.parameters():
            parameter.data = parameter.data[order]
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: i for i, name in enumerate(names)}
        model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(run).save_pretrained(folder)
    return folder


WAYS = {
    "names": lambda name: name,
    "other case": lambda name: name.title(),
    "numbers": lambda name: NAMES.index(name),
    "numbers as text": lambda name: str(NAMES.index(name)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("without_report")
def test_other_spellings_and_numbers_mean_the_models_labels(
    way: str, classifier: tuple[Path, list[str]], texts: list[str], tmp_path: Path
) -> None:
    folder, answers = classifier
    rows = [
        {"text": text, "label": WAYS[way](answer)}
        for text, answer in zip(texts, answers, strict=True)
    ]
    facts: list[Any] = []
    found = hfdl.evaluate(folder, {"data.test": rows}, listener=facts.append)["test"]
    assert found["accuracy"] == found["f1"] == 1.0
    said = [e.text for e in facts if isinstance(e, Noted) and "lost 0" not in e.text]
    scores, lines = start("sentiment", folder, tmp_path, data__train=rows, data__validation=rows)
    assert scores["accuracy"] == scores["f1"] == 1.0
    told = [line for line in lines if "head" in line or "numbers" in line]
    numbers = ["numbers in column 'label' are the model's ids: 0 is zeta, 1 is alpha, 2 is mid"]
    assert said == {
        "names": [], "other case": ["labels by name: Alpha is alpha, Mid is mid, Zeta is zeta"],
    }.get(way, numbers)  # fmt: skip
    if way.startswith("numbers"):
        assert told == [*numbers, "head kept: its labels are those of the data"]
        saved = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
        assert saved["id2label"] == {"0": "zeta", "1": "alpha", "2": "mid"}


def test_numbers_are_no_ids_of_labels_that_hold_other_numbers(
    tiny_bert: Path, make_classifier: Callable[..., Path]
) -> None:
    stars = {i: f"{i + 1} stars" for i in range(5)}
    folder = make_classifier(tiny_bert, id2label=stars, num_labels=5)
    rows = [{"text": "a good film", "label": 1 + i % 4} for i in range(8)]
    with pytest.raises(DataError, match=r"test has the label '1' \(2 rows\), which the model does"):
        hfdl.evaluate(folder, {"data.test": rows}, listener=lambda e: None)


def test_a_model_without_names_is_told_them(
    tiny_bert: Path, make_classifier: Callable[..., Path], texts: list[str], tmp_path: Path
) -> None:
    folder = make_classifier(tiny_bert, num_labels=2)
    answers = [["spam", "ham"][i] for i in balanced(folder, texts)]
    rows = [{"text": text, "label": answer} for text, answer in zip(texts, answers, strict=True)]
    file = write_csv(tmp_path / "test.csv", rows)
    with pytest.raises(DataError, match=r"'data\.labels=\[ham, spam\]'"):
        hfdl.evaluate(folder, {"data.test": str(file)}, listener=lambda e: None)
    given = {"data.test": str(file), "data.labels": ["spam", "ham"]}
    assert hfdl.evaluate(folder, given, listener=lambda e: None)["test"]["accuracy"] == 1.0


@pytest.mark.parametrize("names", [["1", "2"], ["2.0", "1.0"]])
def test_whole_numbers_with_and_without_a_point_are_the_same_labels(
    names: list[str], tiny_bert: Path, make_classifier: Callable[..., Path], texts: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    folder = make_classifier(tiny_bert, num_labels=2, id2label=dict(enumerate(names)))
    answers = [names[i] for i in balanced(folder, texts)]
    other = {"1": "1.0", "2": "2.0", "1.0": "1", "2.0": "2"}
    rows = [{"text": t, "label": other[answer]} for t, answer in zip(texts, answers, strict=True)]
    file = write_csv(tmp_path / "test.csv", rows)
    found = hfdl.evaluate(folder, {"data.test": str(file)}, listener=lambda e: None)
    assert found["test"]["accuracy"] == 1.0


def test_the_remedy_maps_all_unknown_labels_at_once(
    tiny_bert: Path, make_classifier: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_classifier(tiny_bert, num_labels=2, id2label={0: "good", 1: "bad"})
    rows = [{"text": "a film", "label": label} for label in ["no: way", "4", "bad", "it's"]]
    file = write_csv(tmp_path / "test.csv", rows)
    with pytest.raises(DataError, match="say which labels they are") as caught:
        hfdl.evaluate(folder, {"data.test": str(file)}, listener=lambda e: None)
    (pasted,) = shlex.split(str(caught.value.remedy).split("a known one): ")[1])
    assert pasted.count("LABEL") == 3
    pasted = pasted.replace("LABEL", "good")
    given = parse_overrides([pasted, f"data.test={file}"])
    hfdl.evaluate(folder, given, listener=lambda e: None)
