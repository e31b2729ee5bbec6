"""Vectors of 0 and 1 in the label column, from every source; refused where they may be labels."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
from helpers.wording import assert_wording

from hfdl.config.overrides import parse_overrides
from hfdl.config.schema import DataConfig
from hfdl.data.checks.report import check_data
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError

VECTORS = [[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]]
RIGHT = [["0"], ["1", "2"], [], ["0", "2"]]
TEXTS = [f"text {i}" for i in range(len(VECTORS))]


def rows_of(cells: list[Any]) -> list[dict[str, Any]]:
    return [{"text": f"text {i}", "label": cell} for i, cell in enumerate(cells)]


def as_file(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def as_csv(cells: list[str]) -> str:
    return pd.DataFrame(rows_of(cells)).to_csv(index=False)


def as_jsonl(cells: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows_of(cells))


FLOATS = [[float(x) for x in row] for row in VECTORS]
FILES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "floats": ("a.jsonl", as_jsonl(FLOATS), {}),
    "ints": ("a.jsonl", as_jsonl(VECTORS), {}),
    "bools": ("a.json", json.dumps(rows_of([[bool(x) for x in row] for row in VECTORS])), {}),
    "texts in lists": ("a.jsonl", as_jsonl([[str(x) for x in row] for row in VECTORS]), {}),
    "python lists in csv": ("a.csv", as_csv([str(row) for row in VECTORS]), {}),
    "floats in csv": ("a.csv", as_csv([str(row) for row in FLOATS]), {}),
    "numpy in csv": ("a.csv", as_csv([str(np.array(row)) for row in VECTORS]), {}),
    "numpy floats in csv": ("a.csv", as_csv([str(np.array(row)) for row in FLOATS]), {}),
    "commas": (
        "a.csv", as_csv([",".join(map(str, row)) for row in VECTORS]), {"label_separator": ","},
    ),
    "blanks": (
        "a.csv", as_csv([" ".join(map(str, row)) for row in VECTORS]), {"label_separator": " "},
    ),
}  # fmt: skip
MEMORY: dict[str, Any] = {
    "numpy rows": [{"text": t, "label": np.array(v)} for t, v in zip(TEXTS, FLOATS, strict=True)],
    "numpy numbers": rows_of([[np.float32(x) for x in row] for row in VECTORS]),
    "frame": pd.DataFrame({"text": TEXTS, "label": [np.array(row) for row in VECTORS]}),
    "columns": {"text": TEXTS, "label": np.array(VECTORS)},
    "hub sequences": datasets.Dataset.from_dict({"text": TEXTS, "label": FLOATS}),
    "hub bools": datasets.Dataset.from_dict(
        {"text": TEXTS, "label": [[bool(x) for x in row] for row in VECTORS]}
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    file, content, keys = FILES[name]
    path = as_file(tmp_path, file, content)
    table = load_splits(DataConfig(train=str(path), **keys))["train"]
    assert table.columns["label"] == RIGHT
    assert any("vectors of 0 and 1, read as the labels 0, 1, 2" in note for note in table.notes)


@pytest.mark.parametrize("name", MEMORY)
def test_memory(name: str) -> None:
    table = load_splits(DataConfig(train="memory://x"), {"memory://x": MEMORY[name]})["train"]
    assert table.columns["label"] == RIGHT


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame(rows_of(FLOATS)).to_parquet(path)
    assert load_splits(DataConfig(train=str(path)))["train"].columns["label"] == RIGHT


def read(cells: list[Any], **keys: Any) -> Any:
    config = DataConfig(train="memory://x", **keys)
    return load_splits(config, {"memory://x": rows_of(cells)})["train"].columns["label"]


NAMES = ["joy", "anger", "fear"]


@pytest.mark.parametrize(
    ("cells", "keys", "right"),
    [
        (VECTORS, {"labels": NAMES}, [["joy"], ["anger", "fear"], [], ["joy", "fear"]]),
        ([[0, 1], [1, 0]], {"labels": ["a", "b"]}, [["b"], ["a"]]),
        ([[0, 1], [1, 0]], {"labels": ["0", "1"]}, [[0, 1], [1, 0]]),
        ([[0, 1], [1, 0]], {"label_vectors": True}, [["1"], ["0"]]),
        ([[0, 1], [1, 0]], {"label_vectors": False}, [[0, 1], [1, 0]]),
        ([[0, 1], [1, 1]], {}, [["1"], ["0", "1"]]),
        ([[0.0, 1.0], [1.0, 0.0]], {}, [["1"], ["0"]]),
        ([[0, 1], [1]], {}, [[0, 1], [1]]),
        ([[0], [1]], {}, [[0], [1]]),
        ([[0, 2], [1, 0]], {}, [[0, 2], [1, 0]]),
        ([[27, 3], [3, 27]], {}, [[27, 3], [3, 27]]),
        ([["a", "b"], ["b", "a"]], {}, [["a", "b"], ["b", "a"]]),
        ([[3.0, 7.0], [7.0]], {}, [[3.0, 7.0], [7.0]]),
        ([[1, 0, 0], [0, 0, 1]], {"problem_type": "single_label_classification"}, ["0", "2"]),
        ([[1, 0, 0], None], {"unlabelled": "skip"}, [["0"]]),
    ],
)  # fmt: skip
def test_which_lists_are_vectors(cells: list[Any], keys: dict[str, Any], right: Any) -> None:
    assert read(cells, **keys) == right


REFUSED: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "ambiguous": ([[0, 1], [1, 0]], {}),
    "ambiguous texts": ([["0", "1"], ["1", "0"]], {}),
    "fractions": ([[1.0, 0.0, 0.0], [0.2, 0.8, 0]], {}),
    "shorter": ([[1, 0, 0], [1, 0]], {}),
    "empty": ([[1, 0, 0], []], {}),
    "another number": ([[1, 0, 0], [0, 2, 0]], {}),
    "a name": ([[1, 0, 0], "sport"], {}),
    "too few names": (VECTORS, {"labels": ["a", "b"]}),
    "too many names": (VECTORS, {"labels": ["a", "b", "c", "d, e"]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_remedy_that_works(name: str) -> None:
    cells, keys = REFUSED[name]
    with pytest.raises(DataError) as caught:
        read(cells, **keys)
    assert_wording(caught.value)
    found = re.findall(r"'data\.[^']*'|data\.label_vectors=\w+", caught.value.remedy or "")
    assert found
    for remedy in found:
        settings = parse_overrides(shlex.split(remedy))
        values = {key.removeprefix("data."): value for key, value in settings.items()}
        read(cells, **{**keys, **values})


def test_ambiguous_split_is_read_as_the_others() -> None:
    config = DataConfig(train="memory://t", validation="memory://v")
    data = {"memory://t": rows_of(FLOATS), "memory://v": rows_of([[1, 0, 0], [0, 1, 0]])}
    both = load_splits(config, data)
    assert both["validation"].columns["label"] == [["0"], ["1"]]
    data["memory://t"], data["memory://v"] = rows_of([[1, 1], [0, 1]]), rows_of([[0, 1], [1, 0]])
    assert load_splits(config, data)["validation"].columns["label"] == [["1"], ["0"]]


def test_check_counts_vectors() -> None:
    config = DataConfig(train="memory://x", labels=NAMES)
    report = check_data(load_splits(config, {"memory://x": rows_of(FLOATS)}), config)
    assert report.splits["train"].labels == {"joy": 2, "anger": 1, "fear": 2}
    assert report.problem_type == "multi_label_classification"
    assert not report.problems
    assert report.notes == [
        "train: column 'label' holds vectors of 0 and 1, read as the labels joy, anger, fear"
    ]


def test_texts_without_brackets_are_told_how_to_be_read(tmp_path: Path) -> None:
    path = as_file(tmp_path, "a.csv", as_csv([" ".join(map(str, row)) for row in VECTORS]))
    notes = load_splits(DataConfig(train=str(path)))["train"].notes
    (key,) = [re.findall(r"; (.*) reads them", note) for note in notes if "texts such as" in note]
    separator = parse_overrides(shlex.split(key[0]))["data.label_separator"]
    table = load_splits(DataConfig(train=str(path), label_separator=separator))["train"]
    assert table.columns["label"] == RIGHT
