"""A label that no held-out example has is said to be unmeasured, wherever figures are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.support import reviews
from sklearn.metrics import f1_score

import hfdl
from hfdl.config.schema import DataConfig
from hfdl.data.checks.report import check_data
from hfdl.data.readers.sources import load_splits
from hfdl.training.events import Noted

Rows = list[dict[str, Any]]


def of_single(rare: bool) -> Rows:
    return [*reviews(12), *([{"text": "a rare one", "label": "rare"}] if rare else [])]


def of_several(rare: bool) -> Rows:
    rows = [{**row, "label": [row["label"], "any"]} for row in reviews(12)]
    return [*rows, *([{"text": "a rare one", "label": ["rare", "any"]}] if rare else [])]


def of_vectors(rare: bool) -> Rows:
    rows = [{**row, "label": [float(row["label"] == "positive"), 1.0, 0.0]} for row in reviews(12)]
    return [*rows, *([{"text": "a rare one", "label": [0.0, 1.0, 1.0]}] if rare else [])]


def of_words(rare: bool) -> Rows:
    rows: Rows = [{"tokens": row["text"].split(), "tags": ["B-any", "O"]} for row in reviews(12)]
    for row in rows:
        row["tags"] = row["tags"][:1] + ["O"] * (len(row["tokens"]) - 1)
    return [*rows, *([{"tokens": ["Rome", "fell"], "tags": ["B-rare", "O"]}] if rare else [])]


def of_spans(rare: bool) -> Rows:
    rows: Rows = [{"text": row["text"], "spans": [[0, 4, "any"]]} for row in reviews(12)]
    return [*rows, *([{"text": "Rome fell", "spans": [[0, 4, "rare"]]}] if rare else [])]


CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "single": ("sentiment", of_single, {}),
    "several": ("sentiment", of_several, {}),
    "vectors": ("sentiment", of_vectors, {"data.labels": ["positive", "any", "rare"]}),
    "words": ("ner", of_words, {}),
    "spans": ("ner", of_spans, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_said_wherever_figures_are(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    recipe, rows, keys = CASES[name]
    settings = {
        "model.name": str(tiny_bert), "data.train": rows(True), "data.validation": rows(False),
        "data.test": rows(True), "data.max_length": 32, "train.steps": 2, **keys,
    }  # fmt: skip
    heard: list[Any] = []
    run = hfdl.train(recipe, settings, output=tmp_path / "run", listener=heard.append)
    assert run.metrics["not_measured"] == {"validation": ["rare"]}
    said = [event.text for event in heard if isinstance(event, Noted) and "measured" in event.text]
    assert len(said) == 1
    assert said[0].startswith("validation: `rare` is not measured, for no ")
    for page in ("report.html", "README.md"):
        text = (run.directory / page).read_text(encoding="utf-8")
        assert ("`rare` is not measured" in text) == (page == "report.html")
    heard.clear()
    hfdl.evaluate(run.directory, {"data.test": rows(False)}, listener=heard.append)
    assert [e.text for e in heard if isinstance(e, Noted) and "measured" in e.text] == [
        said[0].replace("validation", "test")
    ]
    heard.clear()
    hfdl.evaluate(run.directory, {"data.test": rows(True)}, listener=heard.append)
    assert not [e for e in heard if isinstance(e, Noted) and "measured" in e.text]


def test_the_card_says_it(tiny_bert: Path, tmp_path: Path) -> None:
    settings = {
        "model.name": str(tiny_bert), "data.train": of_single(True),
        "data.validation": of_single(False), "data.max_length": 32, "train.steps": 2,
    }  # fmt: skip
    run = hfdl.train("sentiment", settings, output=tmp_path / "run", listener=lambda event: None)
    card = (run.directory / "README.md").read_text(encoding="utf-8")
    assert "No example of the validation split has 'rare'" in " ".join(card.split())


@pytest.mark.parametrize("several", [False, True])
def test_macro_f1_is_scikit_learns(several: bool, tiny_bert: Path, tmp_path: Path) -> None:
    rows = of_several if several else of_single
    settings = {
        "model.name": str(tiny_bert), "data.train": rows(True), "data.validation": rows(False),
        "data.max_length": 32, "train.steps": 30, "train.learning_rate": 3e-3,
    }  # fmt: skip
    run = hfdl.train("sentiment", settings, output=tmp_path / "run", listener=lambda event: None)
    lines = (run.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    sides = [[record[key] for record in records] for key in ("label", "prediction")]
    if several:
        names = run.metrics["labels"]
        sides = [np.array([[n in row for n in names] for row in side], int) for side in sides]
    expected = f1_score(*sides, average="macro", zero_division=0)  # pyright: ignore[reportArgumentType]
    figure = run.metrics["validation"]["f1_macro" if several else "f1"]
    assert figure == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["single", "several", "vectors"])
def test_check_warns(name: str) -> None:
    _, rows, keys = CASES[name]
    config = DataConfig(train="memory://t", validation="memory://v", labels=keys.get("data.labels"))
    tables = load_splits(config, {"memory://t": rows(True), "memory://v": rows(False)})
    warnings = check_data(tables, config).warnings
    assert "validation: `rare` is not measured, for no row has it" in warnings
