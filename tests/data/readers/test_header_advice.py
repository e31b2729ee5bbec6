"""What is advised where a column is missing never repeats what was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError

AG_NEWS = "3,Wall St. Bears,Reuters claw back into the black\n1,Peace,talks again in the town\n"
NO_HEADER = "if its first line is a row and no header: data.csv.header=false data.text=COLUMN"
CASES = {
    "a row for a header": (AG_NEWS, {}, f"set data.text=COLUMN; {NO_HEADER}"),
    "columns by number": (AG_NEWS, {"csv": {"header": False}}, "set data.text=COLUMN"),
    "names that are given": (AG_NEWS, {"csv": {"header": ["1", "2", "a b c d"]}}, "set data.text="),
    "a title in cells": (
        "Report of 2021;;\nreview;stars;n\na;x;1\n", {},
        "set data.text=COLUMN; if line 1 is a title: remove it, so that the names are the first",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_advice_for_a_missing_column(tmp_path: Path, name: str) -> None:
    content, keys, remedy = CASES[name]
    file = tmp_path / "a.csv"
    file.write_text(content)
    table = load_splits(DataConfig(train=str(file), **keys), rows="texts")["train"]
    with pytest.raises(DataError) as caught:
        table.column("text", "data.text")
    assert (caught.value.remedy or "").startswith(remedy)
    assert ("header=false" in remedy) == ("header=false" in str(caught.value))


def test_a_title_of_one_cell(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Report of 2021\nreview,stars\na,x\n")
    with pytest.raises(DataError, match="Remove line 1 if it is a title"):
        load_splits(DataConfig(train=str(file)))
