"""Vectors of 0 and 1 in train, evaluate and a model that has names of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews
from helpers.wording import assert_wording

import hfdl
from hfdl.errors import DataError

pytestmark = pytest.mark.usefixtures("without_report")


def silent(_: Any) -> None:
    return None


def rows(names: list[str] | None) -> list[dict[str, Any]]:
    """Reviews with two questions each, as vectors or as the names of what holds."""
    found = []
    for i, row in enumerate(reviews(16)):
        vector = [float(row["label"] == "positive"), float(i % 3 == 0), 0.0 if i else 1.0]
        held = [name for name, bit in zip(names or (), vector, strict=names is not None) if bit]
        found.append({"text": row["text"], "label": vector if names is None else held})
    return found


def train(folder: Path, data: Any, model: Path, **more: Any) -> hfdl.Run:
    settings = {
        "data.train": data, "data.validation": data, "model.name": str(model),
        "train.steps": 2, "train.batch_size": 8, "data.max_length": 64, **more,
    }  # fmt: skip
    return hfdl.train("sentiment", settings, output=folder, listener=silent)


def test_train_and_evaluate_alike(tiny_bert: Path, tmp_path: Path) -> None:
    names = ["good", "third", "first"]
    named = {"data.labels": names}
    one = train(tmp_path / "a", rows(None), tiny_bert, **named)
    other = train(tmp_path / "b", rows(names), tiny_bert, **named)
    assert one.metrics["labels"] == other.metrics["labels"] == names
    assert one.metrics["validation"] == other.metrics["validation"]
    figures = [
        hfdl.evaluate(one.directory, {"data.test": data}, listener=silent)["test"]
        for data in (rows(None), rows(names))
    ]
    assert figures[0] == figures[1] == pytest.approx(one.metrics["validation"], rel=1e-5)
    (one.directory / "recipe.yaml").unlink()  # as a model whose labels alone are known
    plain = hfdl.evaluate(one.directory, {"data.test": rows(None)}, listener=silent)["test"]
    assert plain == pytest.approx(figures[0], rel=1e-5)


def test_a_model_of_another_size_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "a", rows(None), tiny_bert)
    assert run.metrics["labels"] == ["0", "1", "2"]
    shorter = [{**row, "label": row["label"][:2]} for row in rows(None)]
    with pytest.raises(DataError) as caught:
        hfdl.evaluate(run.directory, {"data.test": shorter}, listener=silent)
    assert_wording(caught.value)


SINGLE = {"data.problem_type": "single_label_classification"}


@pytest.mark.parametrize("kind", ["names", "ids", "one-hot"])
def test_lists_of_one_label_are_classes(kind: str, tiny_bert: Path, tmp_path: Path) -> None:
    plain = reviews(16)
    ids = {"positive": 1, "negative": 0}
    made = {
        "names": [{**row, "label": [row["label"]]} for row in plain],
        "ids": [{**row, "label": [ids[row["label"]]]} for row in plain],
        "one-hot": [
            {**row, "label": [1.0 - ids[row["label"]], ids[row["label"]]]} for row in plain
        ],
    }[kind]
    named = {"data.labels": ["negative", "positive"]} if kind == "one-hot" else {}
    run = train(tmp_path / "a", made, tiny_bert, **SINGLE, **named)
    flat = [{**row, "label": ids[row["label"]]} for row in plain] if kind == "ids" else plain
    other = train(tmp_path / "b", flat, tiny_bert)
    assert run.metrics["problem_type"] == "single_label_classification"
    assert run.metrics["validation"] == other.metrics["validation"]
    (run.directory / "recipe.yaml").unlink()
    found = hfdl.evaluate(run.directory, {"data.test": made, **SINGLE, **named}, listener=silent)
    assert found["test"] == pytest.approx(run.metrics["validation"], rel=1e-5)
    if kind == "names":
        with pytest.raises(DataError) as caught:
            hfdl.evaluate(run.directory, {"data.test": made}, listener=silent)
        assert_wording(caught.value)
