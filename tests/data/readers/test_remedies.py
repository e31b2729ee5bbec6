"""What an error of a reader tells to type is typed, and then the file is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.field_files import FIELD_FILES, FieldFile

from hfdl.config.load import load_recipe
from hfdl.config.overrides import parse_overrides
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError

KEY = re.compile(r"data\.[a-z_.]+=(?![A-Z])\S+")  # COLUMN and FILE stand for what a user knows
NO_SEPARATOR = ("semicolons in some rows",)  # none fits all rows: then the row is named
TOLD = [case for case in FIELD_FILES if case.error and KEY.search(case.error[1])]


def load(path: Path, case: FieldFile, pasted: list[str]) -> None:
    keys = {"data": None, "data.train": str(path)}
    keys |= {f"data.{key}": value for key, value in case.keys.items()}
    load_splits(load_recipe("sentiment", keys | parse_overrides(pasted)).data, rows=case.rows)


def test_there_are_some() -> None:
    assert len(TOLD) >= 8


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.kind)
def test_a_remedy_is_pasted(tmp_path: Path, case: FieldFile) -> None:
    path = tmp_path / case.name
    content = case.content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        load(path, case, [])
    remedy = caught.value.remedy or ""
    # A shell takes the quotes off.
    pasted = [key.strip("'.,;").replace("='", "=") for key in KEY.findall(remedy)]
    pasted = ["data.csv.separator=;" if "separator" in key else key for key in pasted]
    assert pasted
    if case.kind in NO_SEPARATOR:
        with pytest.raises(DataError, match="too few fields") as other:
            load(path, case, pasted)
        assert other.value.where != caught.value.where
    else:
        load(path, case, pasted)
