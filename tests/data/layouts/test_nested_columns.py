"""Keys of objects as columns, in each format that holds objects; what is said if none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset

from hfdl.config.schema import DataConfig
from hfdl.data.labels import training_labels
from hfdl.data.layouts.rows import Rows
from hfdl.data.readers.sources import load_splits
from hfdl.data.table import Table
from hfdl.errors import DataError

PAIRS = [{"translation": {"en": "good", "de": "gut"}}, {"translation": {"en": "bad", "de": "arg"}}]
KEYS = {"text": "translation.en", "label": "translation.de"}


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=path.suffix == ".jsonl")


def load(path: Path, rows: Rows = "labels", **keys: Any) -> Table:
    return load_splits(DataConfig(train=str(path), **keys), rows=rows)["train"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet"])
@pytest.mark.parametrize("rows", ["pairs", "labels"])
def test_keys_of_objects_are_columns(tmp_path: Path, name: str, rows: Rows) -> None:
    write(tmp_path / name, PAIRS)
    table = load(tmp_path / name, rows, **KEYS)
    flat = Dataset.from_list(PAIRS).flatten()
    for column in KEYS.values():
        assert table.columns[column] == list(flat[column])


def test_words_and_tags_within_an_object(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"ner": {"words": ["Ann"], "tags": ["B-PER"]}}])
    table = load(tmp_path / "a.jsonl", "entities", tokens="ner.words", tags="ner.tags")
    assert table.columns["ner.words"] == [["Ann"]]
    assert table.columns["ner.tags"] == [["B-PER"]]


def test_a_row_without_the_object_has_no_label(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label": {"name": "x"}}\n{"text": "b", "label": null}\n')
    table = load(path, label="label.name")
    with pytest.raises(DataError, match="line 2: row has no label"):
        training_labels(table, DataConfig(label="label.name"), many=False)
    kept = load(path, label="label.name", unlabelled="skip")
    assert kept.columns["label.name"] == ["x"]


def test_a_column_of_that_name_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "label.name": "x", "label": {"name": "y"}}\n')
    assert load(path, label="label.name").columns["label.name"] == ["x"]


def test_an_object_for_a_label_names_the_key_that_may_be_one(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"text": "a", "label": {"ids": [1], "name": "x"}}] * 2)
    with pytest.raises(DataError) as caught:
        training_labels(load(tmp_path / "a.jsonl"), DataConfig(), many=False)
    assert caught.value.remedy == "name the key that holds the label: data.label=label.name"


def test_a_missing_column_says_what_the_objects_hold(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", PAIRS)
    table = load(tmp_path / "a.jsonl", "pairs")
    with pytest.raises(DataError, match=r"are columns too: translation\.en, "):
        table.column("text", "data.text")
