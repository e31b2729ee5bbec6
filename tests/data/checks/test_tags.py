"""What ``hfdl data check`` says of tagged sentences."""

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.checks.tags import check_tags
from hfdl.data.entities.sentences import read_sentences
from hfdl.data.readers.conll_files import read_conll
from hfdl.data.table import Table
from hfdl.errors import DataError

TRAIN = "Ann B-PER\nsees O\n\nParis I-LOC\nnow O\n\nan O\nOrg B-ORG\n"
DEV = "ann O\nsees O\n\nRome B-LOC\n\nBob B-PER\n"


def check(train=TRAIN, dev=DEV, **keys):
    tables = {"train": read_conll(train, "t.conll"), "validation": read_conll(dev, "d.conll")}
    return check_tags(tables, DataConfig(**keys))


def test_counts_and_warnings():
    report = check()
    assert report.tags["train"].entities == {"LOC": 1, "ORG": 1, "PER": 1}
    assert report.tags["validation"].entities == {"LOC": 1, "PER": 1}
    assert (report.tags["train"].words, report.splits["train"].rows) == (6, 3)
    assert report.tags["train"].illegal.count == 1
    assert report.problems == []
    assert report.warnings == [
        "train: 1 tag could not follow the one before and was read as the start of an "
        "entity; first: t.conll, line 4 (word 'Paris'): 'I-LOC' at the start",
        "train alone has entities of type ORG (1); no score will tell of them",
        "validation: 1 row whose text train has too, so its scores flatter; "
        "first: d.conll, line 1 = t.conll, line 1",
        "1 sentence with two different annotations; "
        "first: d.conll, line 1 (nothing named) = t.conll, line 1 (PER Ann)",
    ]
    assert report.as_dict()["tags"]["train"]["scheme"] == "BIO"


def test_illegal_tags_are_a_problem_where_training_refuses_them():
    report = check(illegal_tags="error")
    with pytest.raises(DataError) as caught:
        read_sentences(read_conll(TRAIN, "t.conll"), DataConfig(illegal_tags="error"), "train")
    assert report.problems == [str(caught.value)]
    assert report.tags["train"].illegal.count == 1


def test_unseen_types_are_a_problem():
    report = check(dev="x O\nTV B-PROD\n")
    assert report.unseen_labels["validation"]["PROD"].places == ["d.conll, line 2 (word 'TV')"]
    assert report.problems[0].startswith("d.conll, line 2 (word 'TV'): unknown entity type 'PROD'")


def test_ragged_rows_are_a_problem():
    table = Table("a.jsonl", {"tokens": [["a", "b"]], "tags": [["O"]]}, lines=[1])
    report = check_tags({"train": table}, DataConfig())
    assert report.problems[0].startswith("a.jsonl, line 1: 2 words and 1 tag;")
    assert (report.splits["train"].rows, report.tags) == (1, {})


def test_no_entities():
    report = check(train="a O\n", dev="b O\n")
    assert "validation: no entities" in report.warnings
    (problem,) = report.problems  # of train it is one: training refuses it with this text
    assert problem.startswith("t.conll: no entities: every word of train has the tag O; ")
