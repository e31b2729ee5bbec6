"""Texts in bytes, in memory and where they are no UTF-8: read, or refused with their row."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, Value
from helpers.field_files.bytes_cases import parquet

from hfdl.config.schema import DataConfig
from hfdl.data.readers.in_memory import tables_from_memory
from hfdl.data.readers.readers import read_bytes
from hfdl.data.table import Table, cell_text, is_blank
from hfdl.errors import DataError
from hfdl.tasks.tables import read_tables

TEXTS = ["good", "café"]
BYTES = [text.encode() for text in TEXTS]
IN_MEMORY: dict[str, Any] = {
    "DataFrame": pd.DataFrame({"text": BYTES}),
    "Dataset": Dataset.from_dict({"text": BYTES}).cast_column("text", Value("binary")),
    "list of dicts": [{"text": one} for one in BYTES],
    "bytes and texts": [{"text": BYTES[0]}, {"text": TEXTS[1]}],
    "dict of bytearrays": {"text": [*map(bytearray, BYTES)]},
    "dict of memoryviews": {"text": [*map(memoryview, BYTES)]},
    "NumPy's": {"text": np.array(BYTES)},
    "names in bytes": {b"text": BYTES},
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_bytes_in_memory_are_texts(kind: str) -> None:
    table = tables_from_memory(IN_MEMORY[kind])["train"]
    assert list(table.columns["text"]) == TEXTS
    assert table.notes == ("column 'text' holds bytes, read as UTF-8",)


@pytest.mark.parametrize("data", ["café".encode("latin-1"), "good".encode("utf-16-le"), b"\xff"])
def test_bytes_of_another_encoding_are_refused(data: bytes) -> None:
    table = read_bytes(parquet(text=[b"a", data], label=["x", "y"]), "a.parquet")
    with pytest.raises(DataError) as caught:
        table.texts("text", "data.text")
    assert str(caught.value.where) == "a.parquet, row 2"
    assert "bytes that are not UTF-8" in caught.value.problem
    memory = {"memory://0": [{"text": data, "label": one} for one in "xyxyxy"]}
    table = read_tables(DataConfig(train="memory://0"), memory, 0, True)[0]["train"]
    with pytest.raises(DataError, match="not UTF-8"):
        table.texts("text", "data.text")


CELLS = {
    "text": ("a", "a"), "empty": ("", ""), "int": (7, "7"), "float": (1.5, "1.5"),
    "bool": (True, "True"), "Decimal": (decimal.Decimal("1.50"), "1.50"),
    "date": (datetime.date(2021, 1, 2), "2021-01-02"),
    "datetime": (pd.Timestamp("2021-01-02"), "2021-01-02 00:00:00"),
    "time": (datetime.time(1, 2), "01:02:00"),
    "UUID": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "bytes": (b"caf\xc3\xa9", "café"), "null": (None, None), "NaN": (float("nan"), None),
    "NaT": (pd.NaT, None), "Decimal NaN": (decimal.Decimal("NaN"), None),
    "list": (["a"], None), "tuple": (("a",), None), "dict": ({"a": 1}, None), "set": ({1}, None),
    "object": (object(), None), "class": (str, None), "complex": (1j, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", CELLS)
def test_every_type_of_cell_is_a_text_or_none(kind: str) -> None:
    cell, text = CELLS[kind]
    assert cell_text(cell) == text
    is_refused = text is None and not is_blank(cell)
    if is_refused:
        with pytest.raises(DataError, match="no text in column 'text', but "):
            Table("t", {"text": [cell]}).texts("text", "data.text")
    assert is_refused == (kind in {"list", "tuple", "dict", "set", "object", "class", "complex"})
