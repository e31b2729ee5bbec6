"""Files as users have them: each is read exactly, or refused with its line and a remedy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from helpers.field_files import FIELD_FILES, FieldFile

from hfdl.config.schema import DataConfig
from hfdl.data.readers.sources import load_splits
from hfdl.errors import DataError


def test_there_are_many() -> None:
    assert len(FIELD_FILES) >= 140
    kinds = Counter(case.kind for case in FIELD_FILES)
    assert max(kinds.values()) <= 2, kinds
    assert sum(case.error is not None for case in FIELD_FILES) >= 30


@pytest.mark.parametrize("case", FIELD_FILES, ids=lambda case: f"{case.kind}-{case.name}")
def test_field_file(tmp_path: Path, case: FieldFile) -> None:
    path = tmp_path / case.name
    content = case.content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    config = DataConfig(train=str(path), **case.keys)
    if case.error is not None:
        with pytest.raises(DataError) as caught:
            load_splits(config, rows=case.rows)
        where, remedy = case.error
        assert str(caught.value.where) == f"{path}{where}"
        assert remedy.lower() in (caught.value.remedy or "").lower()
        return
    table = load_splits(config, rows=case.rows)["train"]
    for name, values in (case.columns or {}).items():
        assert list(table.columns[name]) == values, name
    if case.lines is not None:
        assert list(table.lines or ()) == case.lines
    assert [note.replace(str(path), "<file>") for note in table.notes] == list(case.notes)
