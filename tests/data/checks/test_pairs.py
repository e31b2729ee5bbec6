"""``check_pairs``: sources and targets as texts, and never a label."""

from __future__ import annotations

import json

import pytest
from helpers.wording import assert_wording

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding
from hfdl.data.checks.pairs import check_pairs
from hfdl.data.table import Table
from hfdl.errors import ConfigError


class WordTokenizer:
    """One token a word and one more, called as a Hugging Face tokenizer is."""

    def __call__(self, texts, *, add_special_tokens, truncation, verbose):
        assert (add_special_tokens, truncation, verbose) == (True, False, False)
        return {"input_ids": [[0] * (len(text.split()) + 1) for text in texts]}


def table(source, sources, targets):
    columns = {"en": sources, "de": targets}
    return Table(source, columns, lines=list(range(2, len(sources) + 2)))


def check(tables, tokenizer=None, max_length=None, **keys):
    config = DataConfig(**{"text": "en", "label": "de", "long_text": "truncate", **keys})
    report = check_pairs(tables, config, tokenizer, max_length)
    json.dumps(report.as_dict())
    return report


GOOD = table("t.tsv", ["one", "two cats"], ["eins", "zwei Katzen hier"])


def test_targets_are_texts_and_no_labels():
    report = check({"train": GOOD, "test": table("x.tsv", ["ten"], ["eins"])})
    assert report.problems == report.warnings == []
    assert report.problem_type is None
    assert report.unseen_labels == {}
    assert {*report.splits} == {*report.targets} == {"train", "test"}
    assert all(not split.labels and split.targets is None for split in report.splits.values())
    assert report.splits["train"].rows == 2


def test_lengths_are_of_each_side():
    report = check({"train": GOOD}, WordTokenizer(), 3)
    assert report.splits["train"].lengths.max == 3
    assert report.targets["train"].lengths.max == 4
    assert report.warnings == [
        "train, targets: 50.0% of the texts are longer than 3 tokens, and 16.7% of all tokens are "
        "cut off; raise data.max_length"
    ]


def test_long_texts_that_are_refused_are_problems():
    assert check({"train": GOOD}, WordTokenizer(), 3, long_text="error").problems == [
        "train, targets: 1 text longer than 3 tokens, which data.long_text=error refuses; the "
        "longest has 4"
    ]


def test_empty_and_missing_texts_of_both_sides():
    report = check({"train": table("t.tsv", ["", "b", None, "d"], ["x", " ", "y", "y"])})
    assert report.warnings == [
        "train, sources: 2 rows with an empty text, left out; first: t.tsv, line 2",
        "train, targets: 1 row with an empty text; first: t.tsv, line 3",
    ]
    assert report.problems == []


def test_duplicates_and_overlaps_are_of_sources():
    tables = {
        "train": table("t.tsv", ["a", "b", "A "], ["x", "x", "y"]),
        "test": table("v.tsv", ["b", "c"], ["z", "x"]),
    }
    report = check(tables)
    assert report.splits["train"].duplicate_texts == Finding(1, ["t.tsv, line 4 = t.tsv, line 2"])
    assert report.overlaps == {"train/test": Finding(1, ["v.tsv, line 2 = t.tsv, line 3"])}
    assert report.conflicts == Finding()
    assert report.warnings == [
        "train: 1 row whose text occurs before; first: t.tsv, line 4 = t.tsv, line 2",
        "test: 1 row whose text train has too, so its scores flatter; first: v.tsv, line 2 = "
        "t.tsv, line 3",
    ]


def test_wrong_columns_are_told_one_by_one():
    problems = check({"train": GOOD}, text="fr", label="it").problems
    assert [line.partition(";")[0] for line in problems] == [
        "t.tsv: no column 'fr' for data.text",
        "t.tsv: no column 'it' for data.label",
    ]
    with pytest.raises(ConfigError) as caught:
        check({"train": GOOD}, label=["de", "en"])
    assert_wording(caught.value)
