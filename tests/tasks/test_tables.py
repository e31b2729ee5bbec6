"""What the tasks share of reading tables: held-out rows, a smaller run, a column of texts."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import pytest
from helpers.wording import assert_wording

from hfdl.config.schema import DataConfig
from hfdl.data.splits import sample, stratified_split
from hfdl.data.table import Table
from hfdl.errors import DataError
from hfdl.tasks.tables import divide, read_tables, text_column
from hfdl.tasks.text_classification import data as classification_data

NAMES = ["a", "a", "a", "b"] * 20


def table(n: int = 80, source: str = "t.csv") -> Table:
    columns = {"text": [f"text {i}" for i in range(n)], "label": NAMES[:n]}
    return Table(source, columns, lines=list(range(2, n + 2)))


def test_rows_are_held_out_from_all_alike_unless_there_are_strata() -> None:
    config = DataConfig(train="t.csv", validation_share=0.1)
    found, facts = divide({"train": table()}, config, 3)
    kept, taken = stratified_split(None, 80, 0.1, 3)
    assert found["train"].columns["text"] == [f"text {i}" for i in kept]
    assert found["validation"].columns["text"] == [f"text {i}" for i in taken]
    assert facts == [
        "validation: 8 of 80 rows held out from t.csv (seed 3), because no validation split was "
        "given"
    ]
    found, facts = divide({"train": table()}, config, 3, lambda t: t.column("label", "data.label"))
    assert Counter(found["validation"].columns["label"]) == {"a": 6, "b": 2}
    assert facts == [
        "validation: 8 of 80 rows held out from t.csv (stratified, seed 3), because no validation "
        "split was given"
    ]


def test_each_split_keeps_max_samples_and_the_tables_given_stay_as_they_are() -> None:
    given = {"train": table(), "validation": table(12, "v.csv"), "test": table(5, "x.csv")}
    found, facts = divide(given, DataConfig(max_samples=8), 1)
    assert {name: len(split) for name, split in found.items()} == {
        "train": 8, "validation": 8, "test": 5,
    }  # fmt: skip
    assert found["train"].columns["text"] == [f"text {i}" for i in sample(80, 8, 1)]
    assert facts == [
        "train: 8 of 80 rows (max_samples)", "validation: 8 of 12 rows (max_samples)",
    ]  # fmt: skip
    assert [len(split) for split in given.values()] == [80, 12, 5]


def test_what_is_whole_already_is_left_alone() -> None:
    given = {"train": table(), "validation": table(12, "v.csv")}
    assert divide(given, DataConfig(), 0) == (given, [])
    assert divide({"test": table(5)}, DataConfig(max_samples=5), 0)[1] == []


def test_a_single_row_cannot_be_held_out() -> None:
    row = [{"text": "one", "label": "a"}]
    config = DataConfig(train="memory://train", text="text", label="label")
    with pytest.raises(DataError) as caught:
        read_tables(config, {"memory://train": row}, 0, True)
    assert str(caught.value).endswith(
        "1 row is too few to train and validate on; without data.validation a share of train is "
        "held out. Give more rows, or data.validation=FILE"
    )


def test_a_translation_is_not_stratified_by_its_targets() -> None:
    rows = [{"text": f"s {i}", "label": NAMES[i]} for i in range(80)]
    config = DataConfig(train="memory://train", validation_share=0.1)
    memory = {"memory://train": rows}
    tables, facts = read_tables(config, memory, 3, True)
    _, taken = stratified_split(None, 80, 0.1, 3)
    assert tables["validation"].columns["text"] == [f"s {i}" for i in taken]
    assert "(seed 3)" in facts[0]
    by_label = functools.partial(classification_data.strata, config=config)
    strata = read_tables(config, memory, 3, True, by_label)[0]["validation"]
    assert strata.columns["text"] != tables["validation"].columns["text"]


@pytest.mark.parametrize("value", [None, ["a"], {"a": 1}, float("nan")])
def test_a_row_without_a_text_is_named(value: Any) -> None:
    given = Table("t.csv", {"text": ["a", value]}, lines=[2, 3])
    with pytest.raises(DataError) as caught:
        text_column(given, "text", "data.text")
    assert_wording(caught.value)


def test_numbers_count_as_texts() -> None:
    given = Table("t.csv", {"text": ["a", 5, 0.5, ""]}, lines=[2, 3, 4, 5])
    assert text_column(given, "text", "data.text") == ["a", "5", "0.5", ""]


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("rows", ["labels", "pairs"])
def test_a_text_column_that_is_not_there_is_told_before_all_else(count: int, rows: Any) -> None:
    """However few rows there are, and whatever labels they have."""
    table = [{"review": f"text {i}", "label": "one"} for i in range(count)]
    config = DataConfig(train="memory://train", text="reviw")
    with pytest.raises(DataError, match="no column 'reviw' for data") as caught:
        read_tables(config, {"memory://train": table}, 0, True, rows=rows)
    assert "data.text=review" in str(caught.value.remedy)
