"""What ``hfdl data check`` says of a corpus."""

from __future__ import annotations

import json
from pathlib import Path

from hfdl.config.schema import DataConfig
from hfdl.data.checks import corpus as corpus_check
from hfdl.data.checks.corpus import check_corpus
from hfdl.data.readers.sources import load_splits
from hfdl.data.table import Table
from hfdl.data.train_tokenizer import learn_tokenizer


def test_the_figures_are_counted(tmp_path: Path) -> None:
    train, test = tmp_path / "a.txt", tmp_path / "b.txt"
    train.write_text("abc\n\nab\n\nabc\n\n \n\nc")
    test.write_text("abc\n\nxyz")
    config = DataConfig(train=str(train), test=str(test), separator="\n\n")
    tokenizer = learn_tokenizer("characters", ["abc"], 50, masks=False)
    report = check_corpus(load_splits(config), config, tokenizer, 2)
    found = report.corpus["train"]
    assert (found.documents, found.characters, found.tokens, found.longest) == (4, 9, 9, 3)
    assert (found.unknown, found.characters_per_token) == (0, 1.0)
    assert (report.corpus["test"].tokens, report.corpus["test"].unknown) == (6, 3)
    assert report.problems == []
    assert report.splits["train"].rows == 5
    assert report.splits["train"].duplicate_texts.count == 1
    assert report.overlaps["train/test"].count == 1
    assert report.splits["train"].empty_texts.places == [f"{train}, line 7"]
    assert "test: 3 of 6 tokens (50.00%) are unknown to the tokenizer" in report.warnings
    assert any("cut off" in line for line in report.warnings) is False
    assert json.loads(json.dumps(report.as_dict()))["corpus"]["train"]["documents"] == 4


def test_one_enormous_document_is_a_warning(monkeypatch) -> None:
    monkeypatch.setattr(corpus_check, "ENORMOUS", 10)
    tables = {"train": Table("list in memory", {"text": ["a" * 11, "b" * 10]})}
    report = check_corpus(tables, DataConfig(train="x"))
    assert report.warnings == ["train: one document has 11 characters; is data.separator right?"]
    assert report.corpus["train"].tokens is None


def test_what_would_stop_training_is_a_problem() -> None:
    tables = {
        "train": Table("a.jsonl", {"text": [None, " "]}, lines=[1, 2]),
        "test": Table("b.jsonl", {"txet": ["x"]}, lines=[1]),
    }
    problems = check_corpus(tables, DataConfig(train="x")).problems
    assert len(problems) == 2
    assert problems[0].startswith("b.jsonl: no column 'text' for data.text")
    assert problems[1] == "train: a.jsonl: it holds no text"
