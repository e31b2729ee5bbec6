"""Label cells of other types than text and number: bytes, Decimals, dates."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.label_files import labelled, written

from hfdl.config.schema import DataConfig
from hfdl.data.label_numbers import numbers, problem_type
from hfdl.data.labels import label_ids, training_labels
from hfdl.data.readers.sources import load_splits
from hfdl.data.table import Table
from hfdl.errors import DataError

D = Decimal
NOTE = "column 'label' holds bytes, read as UTF-8"
SINGLE = "single_label_classification"
MULTI = "multi_label_classification"

READ: list[tuple[list[Any], dict[str, Any], list[Any], bool]] = [
    ([b"pos", b"neg"], {}, ["pos", "neg"], True),
    (["é".encode(), "pos"], {}, ["é", "pos"], True),
    ([b"a;b", b"c"], {"label_separator": ";"}, [["a", "b"], ["c"]], True),
    ([[b"a", b"b"], [b"c"]], {}, [["a", "b"], ["c"]], True),
    ([[b"a"], [b"b"]], {"problem_type": SINGLE}, ["a", "b"], True),
    ([b"1", b"0"], {"problem_type": "regression"}, [1.0, 0.0], True),
    ([b"pos", b"neg", b"-"], {"unlabelled": "skip", "na_values": ["-"]}, ["pos", "neg"], True),
    ([b"pos", b"neg", b""], {"unlabelled": "skip"}, ["pos", "neg"], True),
    ([D("0.5"), D("1.0")], {}, [0.5, 1.0], False),
    ([D("1.00"), D("2.00")], {}, ["1", "2"], False),
    ([D("1"), D("0.10")], {"problem_type": SINGLE}, ["1", "0.1"], False),
    ([D("1.00"), D("2.00")], {"problem_type": "regression"}, [1.0, 2.0], False),
    ([D("1.5"), D("NaN"), D("2")], {"unlabelled": "skip"}, [1.5, 2.0], False),
    ([D("1"), D("-1"), D("0")], {"unlabelled": "skip", "na_values": ["-1"]}, ["1", "0"], False),
    ([[D("1"), D("2")], [D("7")]], {}, [["1", "2"], ["7"]], False),
]


def tables(cells: list[Any], form: str, folder: Path, **keys: Any) -> tuple[Table, DataConfig]:
    rows = labelled(cells, len(cells))
    config = DataConfig(train="memory", **keys)
    if form == "parquet":
        config = DataConfig(train=str(written(folder / "a.parquet", rows)), **keys)
        return load_splits(config)["train"], config
    data = pd.DataFrame(rows) if form == "frame" else rows
    return load_splits(config, {"memory": data})["train"], config


@pytest.mark.parametrize("form", ["parquet", "frame", "rows"])
@pytest.mark.parametrize(("cells", "keys", "expected", "noted"), READ, ids=str)
def test_read(
    cells: list[Any], keys: dict[str, Any], expected: list[Any], noted: bool, form: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    if form == "parquet" and (len({type(cell) for cell in cells}) > 1 or "NaN" in str(cells)):
        return  # a column of parquet has one type, and its Decimals are numbers
    table, config = tables(cells, form, tmp_path, **keys)
    kind = problem_type(config, table)
    if kind == "regression":
        found: list[Any] = numbers(table.columns["label"], table, config)
    else:
        labels = training_labels(table, config, many=kind == MULTI)
        rows = label_ids(table, config, labels, "train", many=kind == MULTI)
        named = [[labels.names[i] for i in row] for row in rows]
        found = named if kind == MULTI else [name for (name,) in named]
    assert found == expected
    assert (NOTE in table.notes) == noted


def test_columns_of_bits(tmp_path: Path) -> None:
    rows = [{"text": "a", "x": b"1", "y": D("0.00")}, {"text": "b", "x": b"0", "y": D("1.00")}]
    path = written(tmp_path / "a.parquet", rows)
    config = DataConfig(train=str(path), label=["x", "y"])
    table = load_splits(config)["train"]
    labels = training_labels(table, config, many=True)
    assert label_ids(table, config, labels, "train", many=True) == [[0], [1]]


@pytest.mark.parametrize("kind", [None, SINGLE, MULTI, "regression"])
@pytest.mark.parametrize(
    "cell",
    [datetime.date(2021, 1, 5), datetime.datetime(2021, 1, 5), datetime.timedelta(1),
     datetime.time(1), uuid.UUID(int=1), b"\xff\xfe\x00"],
    ids=lambda cell: type(cell).__name__,
)  # fmt: skip
def test_refused_with_another_remedy_than_its_own_error(cell: Any, kind: str | None) -> None:
    config = DataConfig(train="memory", problem_type=kind)  # type: ignore[arg-type]
    table = load_splits(config, {"memory": labelled([cell], 4)})["train"]

    def read() -> Any:
        if kind == "regression":
            return numbers(table.columns["label"], table, config)
        return training_labels(table, config, many=kind == MULTI)

    with pytest.raises(DataError) as caught:
        read()
    assert "row 1" in str(caught.value)
    assert "data.problem_type" not in str(caught.value)
    assert "data.label=COLUMN" in str(caught.value.remedy)


def test_tags_in_bytes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [{"tokens": ["Ann", "is"], "tags": [b"B-PER", b"O"]}])
    table = load_splits(DataConfig(train=str(path)), rows="entities")["train"]
    assert list(table.columns["tags"]) == [["B-PER", "O"]]
