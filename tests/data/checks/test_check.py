"""``check_data``: everything that is wrong at once, in numbers and in words."""

import json

import numpy as np
import pytest
from helpers.support import ASSETS

from hfdl.config.schema import DataConfig
from hfdl.data.checks.duplicates import Finding, normalise
from hfdl.data.checks.lengths import describe_lengths, token_lengths
from hfdl.data.checks.report import check_data
from hfdl.data.readers.readers import read_file
from hfdl.data.table import Table
from hfdl.errors import DataError


class WordTokenizer:
    """One token a word and two special ones, called as a Hugging Face tokenizer is."""

    def __call__(self, texts, pairs=None, *, add_special_tokens, truncation, verbose):
        assert (add_special_tokens, truncation, verbose) == (True, False, False)
        pairs = pairs or [""] * len(texts)
        lengths = [len(f"{t} {p}".split()) + 2 for t, p in zip(texts, pairs, strict=True)]
        return {"input_ids": [[0] * length for length in lengths]}


def table(source, texts, labels, **more):
    columns = {"text": texts, "label": labels}
    return Table(source, columns, lines=list(range(2, len(texts) + 2)), **more)


def check(tables, tokenizer=None, max_length=None, **keys):
    report = check_data(tables, DataConfig(**keys), tokenizer, max_length)
    json.dumps(report.as_dict())
    return report


HELD_OUT = "validation, held out from train"
GOOD = table("train.csv", ["one", "two", "three"], ["neg", "pos", "pos"])


def test_good_data_has_nothing_to_say():
    held_out = table("test.tsv", ["four", "five"], ["neg", "pos"])
    few = f"{HELD_OUT}: `neg` is not measured, for no row has it"
    report = check({"train": GOOD, "test": held_out})
    assert (report.problems, report.warnings) == ([], [few])
    report = check({"train": GOOD, "test": held_out}, folds=2, fold=0)
    assert report.problems == report.warnings == []
    assert report.problem_type == "single_label_classification"
    train = report.splits["train"]
    assert (train.source, train.format, train.rows) == ("train.csv", "csv", 3)
    assert train.columns == ["text", "label"]
    assert train.labels == {"neg": 1, "pos": 2}
    assert report.splits["test"].labels == {"neg": 1, "pos": 1}
    assert train.lengths is None
    assert report.overlaps == {"train/test": Finding()}


def test_empty_and_duplicate_texts():
    texts = ["", "A  b", "a B\n", " \t", "a b", "c"]
    report = check({"train": table("t.csv", texts, ["0", "1", "1", "0", "1", "0"])})
    split = report.splits["train"]
    assert split.empty_texts == Finding(2, ["t.csv, line 2", "t.csv, line 5"])
    assert split.duplicate_texts == Finding(
        2, ["t.csv, line 4 = t.csv, line 3", "t.csv, line 6 = t.csv, line 3"]
    )
    assert report.conflicts == Finding()
    assert report.problems == []
    assert report.warnings == [
        "train: 2 rows with an empty text, left out; first: t.csv, line 2",
        "train: 2 rows whose text occurs before; first: t.csv, line 4 = t.csv, line 3",
        f"{HELD_OUT}: `0` is not measured, for no row has it",
    ]


BLANK = ["", " ", "\t \n", "\u00a0", "\u3000", "\u200b", "\ufeff", "\u200b \u200d", "\u00ad"]


@pytest.mark.parametrize("pair", [None, "b"])
def test_blank_texts_are_empty_and_no_copies(pair):
    texts = ["one", "two", *BLANK, *BLANK, None, None]
    train = table("t.csv", texts, [str(i % 2) for i in range(len(texts))])
    train.columns["b"] = texts
    report = check({"train": train}, text_pair=pair)
    split = report.splits["train"]
    assert split.empty_texts.count == 2 * len(BLANK) + 2
    assert split.missing_texts.count == split.half_pairs.count == 0
    assert split.duplicate_texts.count == report.conflicts.count == 0


def test_overlap_and_conflicting_labels():
    tables = {
        "train": table("t.csv", ["a", "b", "c"], ["0", "1", "1"]),
        "validation": table("v.csv", ["A ", "d"], ["1", "0"]),
        "test": table("x.csv", ["b", "d", "e"], ["1", "0", "0"]),
    }
    report = check(tables)
    assert report.overlaps == {
        "train/validation": Finding(1, ["v.csv, line 2 = t.csv, line 2"]),
        "train/test": Finding(1, ["x.csv, line 2 = t.csv, line 3"]),
        "validation/test": Finding(1, ["x.csv, line 3 = v.csv, line 3"]),
    }
    assert report.conflicts == Finding(1, ["v.csv, line 2 (1) = t.csv, line 2 (0)"])
    assert report.warnings == [
        "validation: 1 row whose text train has too, so its scores flatter; first: "
        "v.csv, line 2 = t.csv, line 2",
        "test: 1 row whose text train has too, so its scores flatter; first: "
        "x.csv, line 2 = t.csv, line 3",
        "test: 1 row whose text validation has too, so its scores flatter; first: "
        "x.csv, line 3 = v.csv, line 3",
        "1 text with two different labels; first: v.csv, line 2 (1) = t.csv, line 2 (0)",
    ]


def test_places_are_the_first_five():
    report = check({"train": table("t.csv", [""] * 9, ["a", "b", "b"] * 3)})
    empty = report.splits["train"].empty_texts
    assert empty.count == 9
    assert empty.places == [f"t.csv, line {line}" for line in range(2, 7)]


def test_unseen_labels_are_problems_with_the_text_of_the_error():
    tables = {
        "train": GOOD,
        "validation": table("v.csv", ["x", "y", "z"], ["pos", "odd", "odd"]),
        "test": table("x.csv", ["v", "w"], ["even", "odd"]),
    }
    report = check(tables)
    assert report.unseen_labels == {
        "validation": {"odd": Finding(2, ["v.csv, line 3", "v.csv, line 4"])},
        "test": {
            "even": Finding(1, ["x.csv, line 2"]),
            "odd": Finding(1, ["x.csv, line 3"]),
        },
    }
    assert report.splits["validation"].labels == {"neg": 0, "pos": 1, "odd": 2}
    assert report.problems == [
        "v.csv, line 3: validation has the label 'odd' (2 rows), which training does not have; the "
        "known labels are: neg, pos. Fix the row, or list it with 'data.labels=[neg, pos, odd]'",
        "x.csv, line 2: test has the label 'even' (1 row), which training does not have; the known "
        "labels are: neg, pos. Fix the row, or list it with 'data.labels=[neg, pos, even, odd]'",
    ]
    assert check(tables, labels=["neg", "pos", "odd", "even"]).problems == []


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (["a", "a", "a"], "t.csv: one class only: all 3 rows of train have the label 'a'"),
        (["a", "", "b"], "t.csv, line 3: row has no label (column 'label' is empty)"),
        (["a", None, "b"], "t.csv, line 3: row has no label (column 'label' is empty)"),
        (["a", {"b": 1}, "b"], "t.csv, line 3: a dict is no label: {'b': 1}"),
    ],
)
def test_label_problems(labels, problem):
    report = check({"train": table("t.csv", ["x", "y", "z"], labels)})
    assert len(report.problems) == 1
    assert report.problems[0].startswith(problem)


def test_missing_columns_and_texts_are_problems():
    assert check({"train": GOOD}, text="review", label="lable").problems == [
        "train.csv: no column 'review' for data.text; the columns are: text, label. Set "
        "data.text=COLUMN",
        "train.csv: no column 'lable' for data.label; the columns are: text, label. Did you mean "
        "data.label=label?",
    ]
    report = check({"train": table("t.jsonl", ["x", None, ["y"], 7], ["a", "b", "a", "b"])})
    assert report.splits["train"].missing_texts == Finding(1, ["t.jsonl, line 4"])
    assert report.splits["train"].empty_texts == Finding(1, ["t.jsonl, line 3"])
    assert report.problems == ["train: 1 row without a text; first: t.jsonl, line 4"]


def test_label_warnings():
    texts = [str(i) for i in range(12)]
    labels = ["Pos", "pos ", *"abcdefghij"]
    report = check({"train": table("t.csv", texts, labels)})
    assert report.warnings == [
        "labels that differ in case or white space only: 'Pos', 'pos '; if they are one: "
        "'data.labels={Pos: Pos, a: a, b: b, c: c, d: d, e: e, f: f, g: g, h: h, i: i, j: j, "
        '"pos ": Pos}\'',
        "train has 12 labels for 12 rows: is data.label the right column?",
    ]
    report = check({"train": GOOD}, labels=["neg", "pos", "mixed"])
    assert report.warnings == [
        "train has no row with the label 'mixed'",
        f"{HELD_OUT}: `neg`, `mixed` are not measured, for no row has them",
    ]


def test_regression():
    tables = {
        "train": table("t.csv", ["a", "b"], ["1", "2.5"]),
        "validation": table("v.csv", ["a", "d"], ["3", "bad"]),
    }
    report = check(tables)
    assert report.problem_type == "regression"
    assert report.splits["train"].targets == {"min": 1.0, "mean": 1.75, "max": 2.5}
    assert report.splits["train"].labels == {}
    assert report.splits["validation"].targets is None
    assert report.problems[0].startswith("v.csv, line 3: 'bad' in column 'label' is not a number")
    assert report.conflicts == Finding()


def test_multi_label():
    train = table("t.csv", ["a", "b", "c", "a"], ["x;y", "", "y", "y;x"])
    report = check({"train": train}, label_separator=";")
    assert report.splits["train"].labels == {"x": 2, "y": 3}
    assert report.conflicts == Finding()
    columns = Table("t.csv", {"text": ["a", "b"], "x": ["1", "0"], "y": ["0", "0"]})
    report = check({"train": columns}, label=["x", "y"])
    assert report.splits["train"].labels == {"x": 1, "y": 0}
    assert report.problems == []
    columns = Table("t.csv", {"text": ["a", "b"], "x": ["1", "0"], "y": ["0", "2"]})
    assert (
        check({"train": columns}, label=["x", "y"])
        .problems[0]
        .startswith("t.csv, row 2: '2' in label column 'y'")
    )


def test_hub_labels_and_maps_are_counted_by_name():
    names = {"label": ["neg", "pos"]}
    hub = Table("org/set (train)", {"text": ["a", "b"], "label": [0, 1]}, label_names=names)
    report = check({"train": hub})
    assert report.splits["train"].labels == {"neg": 1, "pos": 1}
    assert report.splits["train"].format == "Hub"
    report = check({"train": GOOD}, labels={"neg": "bad", "pos": "good"})
    assert report.splits["train"].labels == {"bad": 1, "good": 2}


def test_evaluation_only_compares_no_labels():
    report = check({"test": table("hfdl://x/test.jsonl", ["a"], ["odd"])})
    assert report.problems == []
    assert report.splits["test"].labels == {"odd": 1}
    assert report.splits["test"].format == "embedded"
    assert check({}).splits == {}


@pytest.mark.parametrize(
    ("source", "files", "kind"),
    [
        ("DataFrame in memory", None, "memory"),
        ("aclImdb/train", ["a.txt"], "folder"),
        ("x/train.PARQUET", None, "parquet"),
    ],
)
def test_formats(source, files, kind):
    one = Table(source, {"text": ["a"], "label": ["b"]}, files=files)
    assert check({"test": one}).splits["test"].format == kind


# lengths -----------------------------------------------------------------------------------


def test_lengths_and_what_a_limit_cuts():
    texts = ["one", "one two three four five six", " ".join("x" * 38)]
    tables = {"train": table("t.csv", texts, ["a", "b", "b"])}
    report = check(tables, WordTokenizer(), 20)
    lengths = report.splits["train"].lengths
    assert lengths is not None
    assert (lengths.min, lengths.median, lengths.p95, lengths.max) == (3, 8, 40, 40)
    assert lengths.histogram == {"0-8": 2, "9-16": 0, "17-32": 0, "33-64": 1}
    assert lengths.long_texts == 1
    assert lengths.long_text_share == pytest.approx(1 / 3)
    assert lengths.cut_token_share == pytest.approx(20 / 51)
    assert report.warnings == [
        "train: 33.3% of the texts are longer than 20 tokens, and 39.2% of all tokens are cut off; "
        "raise data.max_length or set data.long_text=window",
        unmeasured := f"{HELD_OUT}: `a` is not measured, for no row has it",
    ]
    assert check(tables, WordTokenizer(), 20, long_text="window").warnings == [unmeasured]
    assert check(tables, WordTokenizer(), 20, long_text="error").problems == [
        "train: 1 text longer than 20 tokens, which data.long_text=error refuses; the longest "
        "has 40"
    ]
    assert check(tables, WordTokenizer(), None).warnings == [unmeasured]


def test_lengths_of_pairs():
    pair = Table("t.csv", {"text": ["a b"], "other": ["c d e"], "label": ["x"]})
    lengths = check({"test": pair}, WordTokenizer(), text_pair="other").splits["test"].lengths
    assert lengths is not None
    assert lengths.max == 7


def test_token_lengths_go_in_batches():
    assert token_lengths(WordTokenizer(), ["a"] * 2500).tolist() == [3] * 2500


def test_lengths_at_the_edges_of_ranges():
    report = describe_lengths(np.array([8, 9, 16, 17]), 17)
    assert report.histogram == {"0-8": 1, "9-16": 2, "17-32": 1}
    assert report.long_texts == 0


def test_normalise():
    assert normalise("  A\u00a0Straße\n\tB ") == "a strasse b"


# files -------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_still_raises(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nx\n")
    with pytest.raises(DataError, match="too few fields"):
        check({"train": read_file(path)})


def test_a_file_of_reviews():
    report = check({"train": read_file(ASSETS / "reviews.tsv")})
    assert report.problems == []
    assert report.splits["train"].labels == {"0": 10, "1": 10}


@pytest.mark.needs_shared
def test_a_real_file(shared):
    path = shared("data/tweet_emotion")
    tables = {"train": read_file(path / "train.tsv"), "validation": read_file(path / "dev.tsv")}
    report = check(tables)
    assert report.problems == []
    assert sum(report.splits["train"].labels.values()) == 3257
    assert list(report.splits["train"].labels) == ["0", "1", "2", "3"]
