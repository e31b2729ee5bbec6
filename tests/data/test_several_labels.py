"""Several labels in a text: told with the separator that works, and only where it is likely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.label_files import checked, labelled, remedy, written
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.data.label_doubts import label_doubts
from hfdl.data.several_labels import separator_among

# cells; their separator; the labels
SEVERAL = [
    (["sport, music", "music", "sport", "sport, food, music"], ",", {"sport", "music", "food"}),
    (["sport|music", "music", "sport", "sport|food|music"], "|", {"sport", "music", "food"}),
    (["a;b", "b;c", "c;a"], ";", {"a", "b", "c"}),
    (["joy / fear", "joy", "Fear"], "/", {"joy", "fear", "Fear"}),
    (["a&b", "a", "b"], "&", {"a", "b"}),
    (["a\nb", "a", "b"], "\n", {"a", "b"}),
    (["big cat;small dog", "big cat", "small dog;"], ";", {"big cat", "small dog"}),
    (["a+b", "b", "a", "n/a"], "+", {"a", "b"}),
]
NAMES = [cells[0] for cells, *_ in SEVERAL]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("cells", "mark", "names"), SEVERAL, ids=NAMES)
def test_told_with_what_splits(
    cells: list[str], mark: str, names: set[str], suffix: str, tmp_path: Path
) -> None:
    assert separator_among(cells) == mark
    path = written(tmp_path / f"a.{suffix}", labelled(cells, 32))
    before = checked(path)["warnings"]
    keys = [key for line in before for key in remedy(line, r"if they are: |no label: ")]
    assert sum("several in a cell" in line for line in before) == 1
    after = checked(path, *keys)
    assert after["problems"] == []
    assert set(after["splits"]["train"]["labels"]) == names
    assert not any("several" in line for line in after["warnings"])


@pytest.mark.parametrize(
    "names",
    [["Paris, France", "Paris", "Rome"], ["Doe, John", "Roe, Jane"], ["c++", "c", "c+"],
     ["New York, NY", "Albany, NY", "Boston, MA"], ["sci/space", "sci/med", "rec/autos"],
     ["Cause(e1,e2)", "Cause(e2,e1)", "Part(e1,e2)", "Part(e2,e1)"], ["pos", "neg", "pos;"],
     ["yes, but", "no"], ["a"], []],
    ids=str,
)  # fmt: skip
def test_one_label_each(names: list[str]) -> None:
    assert separator_among(names) is None
    assert not any("several in a cell" in line for line in label_doubts(names))


@pytest.mark.parametrize(
    ("cells", "keys"),
    [
        ([["a", "b"], ["a;b"], ["b"]], []),
        (["a;b", "a", "b"], ["data.problem_type=single_label_classification"]),
        (["a;b", "a", "b"], ["data.label_separator=;"]),
    ],
)
def test_not_where_nothing_would_be_split(
    cells: list[Any], keys: list[str], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.jsonl", labelled(cells))
    assert not any("several in a cell" in line for line in checked(path, *keys)["warnings"])


def test_train_says_it(tmp_path: Path, settings: dict[str, Any], without_report: None) -> None:
    path = written(tmp_path / "a.csv", labelled(["a, b", "a", "b"]))
    keys = [f"{key}={value}" for key, value in {**settings, "train.epochs": 1}.items()]
    words = ["train", "sentiment", *keys, f"data.train={path}", "--output", str(tmp_path / "run")]
    said = CliRunner().invoke(app, words).output
    assert "labels look like several in a cell: 'a, b'; if they are: data.label_separator=," in said
