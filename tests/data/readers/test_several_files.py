"""Lists of files and patterns: one split, in order, with the place of every row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.wording import assert_wording

from hfdl.config.load import take_objects
from hfdl.config.schema import DataConfig
from hfdl.data.corpus.streamed_files import find_files
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError

CSV = "text,label\n{0} one,x\n{0} two,y\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parts 1, 2 and 10, two corpora, and files of other columns and labels."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts").mkdir()
    for number in (1, 2, 10):
        (tmp_path / f"parts/part-{number}.csv").write_text(CSV.format(number))
    (tmp_path / "swapped.csv").write_text("label,text\nx,swapped\n")
    (tmp_path / "other.csv").write_text("text,stars\na,1\n")
    (tmp_path / "a[1].csv").write_text(CSV.format("bracket"))
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"{name} one\n\n{name} two\n")
        (tmp_path / f"{name}.conll").write_text(f"{name} B-PER\n\nis O\n")
    frame = pd.DataFrame({"text": ["p one", "p two"], "label": ["x", "y"]})
    frame.to_parquet(tmp_path / "p.parquet")
    return tmp_path


def train(rows: Any = "labels", **keys: Any) -> Any:
    return load_splits(DataConfig(**keys), rows=rows)["train"]


def test_a_pattern_is_its_files_by_number(folder: Path) -> None:
    table = train(train="parts/*.csv")
    assert table.columns["text"] == [f"{n} {word}" for n in (1, 2, 10) for word in ("one", "two")]
    assert table.where(3) == "parts/part-2.csv, line 3"
    assert table.notes == ("3 files read: part-1.csv, part-2.csv, part-10.csv",)
    chosen = table.select([5])
    assert chosen.where(0) == "parts/part-10.csv, line 3"


def test_a_list_keeps_its_order_and_takes_columns_in_any(folder: Path) -> None:
    table = train(train=["swapped.csv", "parts/part-2.csv", "parts/part-1*.csv"])
    assert table.columns["text"][:2] == ["swapped", "2 one"]
    assert (len(table), table.notes) == (7, ())
    assert table.columns["label"] == ["x", *["x", "y"] * 3]


def test_formats_may_differ(folder: Path) -> None:
    table = train(train=["p.parquet", "parts/part-1.csv"])
    assert [table.where(row) for row in (1, 2)] == ["p.parquet, row 2", "parts/part-1.csv, line 2"]


def test_words_keep_their_lines(folder: Path) -> None:
    table = train("entities", train=["a.conll", "b.conll"])
    assert table.columns["tokens"] == [["a"], ["is"], ["b"], ["is"]]
    assert (table.item_lines, table.where(3)) == ([[1], [3], [1], [3]], "b.conll, line 3")


def test_each_split_may_be_several(folder: Path) -> None:
    keys = {"train": "parts/part-1*.csv", "validation": ["parts/part-2.csv"], "test": "swapp*.csv"}
    splits = load_splits(DataConfig(**keys))
    assert {name: len(table) for name, table in splits.items()} == {
        "train": 4, "validation": 2, "test": 1,
    }  # fmt: skip


def test_a_name_with_brackets_is_a_file(folder: Path) -> None:
    assert train(train="a[1].csv").columns["text"] == ["bracket one", "bracket two"]


def test_a_corpus_of_several_files_is_streamed_too(folder: Path) -> None:
    for source in ("?.txt", ["a.txt", "b.txt"]):
        table = train("texts", train=source)
        assert table.columns["text"] == ["a one", "", "a two", "b one", "", "b two"]
        files = find_files(DataConfig(train=source, streaming=True), None)["train"].files
        assert [file.name for file in files] == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    "source",
    [
        ["parts/part-1.csv", "other.csv"],
        ["parts/part-1.csv", "parts/part-1.csv"],
        ["parts/part-1.csv", "gone.csv"],
        "parts/*.tsv",
    ],
)
def test_errors(folder: Path, source: Any) -> None:
    with pytest.raises(DataError) as caught:
        train(train=source)
    assert_wording(caught.value)


def test_a_list_of_names_is_no_data_in_memory() -> None:
    files = [Path("a.csv"), "b.csv"]
    assert take_objects({"data.train": files}) == ({"data.train": ["a.csv", "b.csv"]}, {})
    rows = [{"text": "a"}]
    assert take_objects({"data.train": rows})[1] == {"memory://train": rows}
