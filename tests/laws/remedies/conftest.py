"""The place in which remedies are typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.remedies.place import Place


@pytest.fixture
def place(
    tmp_path: Path,
    tiny_bert: Path,
    tiny_gpt2: Path,
    reviews_csv: Path,
    without_report: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    folder = tmp_path / "my files"  # a blank in every path
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Place(folder, tiny_bert, tiny_gpt2, reviews_csv, {})
