"""A separator that is not in the file is said, in memory, in a stream and by the data check."""

from __future__ import annotations

from pathlib import Path

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.checks.corpus import check_corpus
from hfdl.data.corpus.corpus import open_corpus
from hfdl.data.corpus.documents import load_documents
from hfdl.data.readers.sources import load_splits
from hfdl.data.train_tokenizer import learn_tokenizer

LINES = "".join(f"line {i}\n" for i in range(40))


@pytest.mark.parametrize(
    ("separator", "said"),
    [("\n\n", True), ("<|end|>", True), (r"\n", False), ("\n", False), (None, False), ("9", False)],
)
def test_in_memory_and_by_the_data_check(tmp_path: Path, separator: str | None, said: bool) -> None:
    file = tmp_path / "a.txt"
    file.write_text(LINES)
    config = DataConfig(train=str(file), separator=separator)
    line = (
        f"train: data.separator {config.separator!r} never occurs in {file}: a file is one document"
    )
    _, facts = load_documents(config, None, 0, trains=True)
    assert (line in facts) is said
    report = check_corpus(load_splits(config, rows="texts"), config)
    assert report.notes == ([line] if said else [])


@pytest.mark.parametrize(("separator", "said"), [("\n\n", True), ("\n", False), ("9", False)])
def test_in_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str, said: bool
) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(LINES)
    keys = {"train": str(tmp_path / "a.txt"), "validation": str(tmp_path / "b.txt")}
    config = DataConfig(**keys, separator=separator, streaming=True)
    tokenizer = learn_tokenizer("bpe", [LINES], 300, masks=False)
    facts = open_corpus(config, None, 0, tokenizer, end_id=0, trains=True).facts
    told = [fact for fact in facts if "never occurs in" in fact]
    assert len(told) == (2 if said else 0), facts
