"""What hfdl alone does not install is asked for by name, before anything is read or written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers.wording import assert_wording

from hfdl.cli.predicting.row_files import ParquetRows
from hfdl.cli.predicting.vectors import open_vectors
from hfdl.data.corpus.streamed_documents import read_documents
from hfdl.data.readers.hub import read_hub
from hfdl.data.readers.hub_folders import read_saved
from hfdl.data.readers.sources import read_source
from hfdl.errors import MissingExtraError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "reviews.parquet"
    pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}).to_parquet(file)
    return file


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pyarrow", "datasets"):
        monkeypatch.setitem(sys.modules, package, None)


def refused(function, *arguments, **keywords) -> MissingExtraError:
    with pytest.raises(MissingExtraError) as caught:
        function(*arguments, **keywords)
    return caught.value


def test_reading(table: Path, tmp_path: Path, without: None) -> None:
    errors = [
        refused(read_source, str(table)),
        refused(lambda: list(read_documents(table, "text", None))),
        refused(read_hub, "imdb"),
        refused(read_saved, tmp_path),
    ]
    for error in errors:
        assert_wording(error)


def test_writing(tmp_path: Path, without: None) -> None:
    file = tmp_path / "answers.parquet"
    assert_wording(refused(ParquetRows, file))
    with pytest.raises(MissingExtraError), open_vectors(file, readable=False, dimension=2):
        pytest.fail("vectors would be made first")
    assert list(tmp_path.iterdir()) == []


def test_a_csv_needs_none_of_them(tmp_path: Path, tiny_bert: Path, reviews_csv: Path) -> None:
    """Training, evaluation and use, in a process of their own."""
    code = f"""
import sys, hfdl
model, reviews = {str(tiny_bert)!r}, {str(reviews_csv)!r}
hfdl.train("sentiment", {{"model.name": model, "data.train": reviews, "train.steps": 1,
    "data.max_length": 32, "train.precision": "float32"}}, output="run")
hfdl.evaluate("run", {{"data.test": reviews}})
assert hfdl.pipeline("sentiment", model="run")("a good film")
heavy = {{"datasets", "pandas", "pyarrow", "sklearn", "sentence_transformers"}}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
