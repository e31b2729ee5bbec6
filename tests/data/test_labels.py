"""The label set: names are the contract, and what is wrong is named with its place."""

import pytest

from hfdl.config.schema import DataConfig
from hfdl.data.label_numbers import infer_problem_type, numbers, problem_type
from hfdl.data.label_values import (
    columns_to_lists,
    label_text,
    split_labels,
)
from hfdl.data.labels import LabelSet
from hfdl.data.table import Table
from hfdl.errors import DataError


def table(values, source="train.csv", **more):
    lines = None if "label_names" in more else list(range(2, len(values) + 2))
    return Table(source, {"label": values}, lines=lines, **more)


def train(values, given=None, **more):
    return LabelSet.from_training(values, table=table(values, **more), listed=given)


def train_many(values, **keywords):
    return LabelSet.from_training(values, table=table(values), many=True, **keywords)


def error_of(function, *args, **kwargs):
    with pytest.raises(DataError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# names and order ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("pos", "pos"),
        (" pos", " pos"),
        ("01", "01"),
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (True, "True"),
        (None, None),
        ("", None),
        (" \t", None),
        (float("nan"), None),
    ],
)
def test_label_text(value, text):
    assert label_text(value) == text


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["10", "9", "-1", "9"], ("-1", "9", "10")),
        ([2, 10, 1.0], ("1", "2", "10")),
        (["1", "01", "2"], ("01", "1", "2")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["pos", "neg", "Neg"], ("Neg", "neg", "pos")),
        ([True, False], ("False", "True")),
        ([1, "1", 0], ("0", "1")),
    ],
)
def test_default_order(values, names):
    assert train(values).names == names


def test_ids_by_name():
    labels = train(["pos", "neg", "pos"])
    assert labels.id2label == {0: "neg", 1: "pos"}
    assert labels.label2id == {"neg": 0, "pos": 1}
    assert labels.encode(["neg", "pos"], table(["neg", "pos"], "dev.csv"), "validation") == [
        [0],
        [1],
    ]
    assert len(labels) == 2


def test_given_order_and_given_map():
    assert train(["b", "a"], given=["b", "a", "c"]).names == ("b", "a", "c")
    stars = {"1": "bad", "2": "bad", "4": "good", "5": "good"}
    labels = train(["5", "1", "2"], given=stars)
    assert labels.names == ("bad", "good")
    assert labels.encode([4, 2], table([4, 2]), "test") == [[1], [0]]


def test_hub_names_decide_and_each_split_has_its_own_ids():
    labels = train([0, 1, 1], label_names={"label": ["neg", "pos", "mixed"]})
    assert labels.names == ("neg", "pos", "mixed")
    other = table([0, 1], label_names={"label": ["pos", "neg"]})
    assert labels.encode([0, 1], other, "validation") == [[1], [0]]
    assert labels.encode(["pos"], table(["pos"]), "test") == [[1]]


# errors of one label a row -----------------------------------------------------------------


def test_one_class_only():
    assert error_of(train, ["pos", "pos", "pos"]) == (
        "train.csv: one class only: all 3 rows of train have the label 'pos'; a classifier needs "
        "two labels or more. Add rows with another label, or name the column that tells them "
        "apart: data.label=COLUMN"
    )
    assert "the label 'good'" in error_of(train, ["4", "5"], given={"4": "good", "5": "good"})


@pytest.mark.parametrize("empty", [None, "", "  ", float("nan")])
def test_row_without_a_label(empty):
    assert error_of(train, ["pos", empty, "neg"]) == (
        "train.csv, line 3: row has no label (column 'label' is empty); every row needs one. Add "
        "the label or remove the row; data.unlabelled=skip leaves such rows out"
    )


def test_hub_row_without_a_label():
    names = {"label": ["neg", "pos"]}
    assert error_of(train, [0, -1, 1], label_names=names).startswith(
        "train.csv, row 2: row has no label"
    )


def test_label_that_training_does_not_have():
    labels = train(["pos", "neg"])
    values = ["pos", "neutral", "neg", "neutral"]
    assert error_of(labels.encode, values, table(values, "dev.csv"), "validation") == (
        "dev.csv, line 3: validation has the label 'neutral' (2 rows), which training does not "
        "have; the known labels are: neg, pos. Fix the row, or list it with "
        "'data.labels=[neg, pos, neutral]'"
    )


def test_label_that_the_recipe_does_not_list():
    assert error_of(train, ["a", "b", "c"], given=["a", "b"]) == (
        "train.csv, line 4: train has the label 'c' (1 row), which data.labels does not list; the "
        "known labels are: a, b. Fix the row, or list it with 'data.labels=[a, b, c]'"
    )
    assert error_of(train, ["1", "2", "3"], given={"1": "bad", "2": "good"}) == (
        "train.csv, line 4: train has the label '3' (1 row), which data.labels does not list; the "
        "known values are: 1, 2. Fix the row, or map it with "
        "'data.labels={1: bad, 2: good, 3: LABEL}'"
    )


def test_many_labels_are_not_all_listed():
    labels = train([str(i) for i in range(300)])
    text = error_of(labels.encode, ["x"], table(["x"]), "test")
    assert "the known labels are: 0, 1, 2," in text
    assert "19, ..." in text
    assert text.endswith("Fix the row, or add rows with that label to data.train")


def test_given_label_twice():
    assert error_of(train, ["a", "b"], given=["a", "b", "a"]) == (
        "data.labels: label 'a' occurs twice; each label is listed once"
    )


def test_list_where_one_label_should_be():
    assert error_of(train, ["a", ["b", "c"]]) == (
        "train.csv, line 3: a list is no label: ['b', 'c']; column 'label' holds one label a row. "
        "Several labels a row need data.problem_type=multi_label_classification"
    )


# several labels a row ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "separator", "parts"),
    [
        (["a", "b"], None, ["a", "b"]),
        ([], None, []),
        (None, ";", None),
        ("a; b;", ";", ["a", "b"]),
        ("", ";", []),
        ("a;b", None, ["a;b"]),
        (3, ";", [3]),
    ],
)
def test_split_labels(value, separator, parts):
    assert split_labels(value, separator) == parts


def test_multi_label_lists_and_strings():
    labels = train_many([["b", "a"], [], ["c", "a", "a"]])
    assert labels.names == ("a", "b", "c")
    values = [["c", "a", "c"], []]
    assert labels.encode(values, table(values), "test", many=True) == [[0, 2], []]
    labels = train_many(["b;a", "", "c"], separator=";")
    found = labels.encode(["c; b", ""], table(["", ""]), "test", many=True, separator=";")
    assert found == [[1, 2], []]


def test_multi_label_hub_integers():
    source = table([[0], [1, 2]], label_names={"label": ["joy", "fear", "awe"]})
    labels = LabelSet.from_training([[0], [1, 2]], table=source, many=True)
    assert labels.names == ("joy", "fear", "awe")
    assert labels.encode([[2, 0]], source, "train", many=True) == [[0, 2]]


def test_multi_label_errors():
    assert error_of(train_many, [["a"], None]) == (
        "train.csv, line 3: row has no label (column 'label' is empty); every row needs one. Add "
        "the label or remove the row; data.unlabelled=skip leaves such rows out"
    )
    assert error_of(train_many, [["a"], ["b", None]]).startswith("train.csv, line 3: row has no")
    assert error_of(train_many, [[], []]) == (
        "train.csv: no row of train has a label (column 'label'); a classifier needs at least one. "
        "Name the column that holds labels: data.label=COLUMN"
    )
    labels = train_many([["a"], ["b"]])
    values = [["a"], ["b", "z"], ["z", "z"]]
    assert error_of(labels.encode, values, table(values, "dev.csv"), "validation", many=True) == (
        "dev.csv, line 3: validation has the label 'z' (2 rows), which training does not have; the "
        "known labels are: a, b. Fix the row, or list it with 'data.labels=[a, b, z]'"
    )


def test_columns_of_zero_and_one():
    source = Table(
        "a.csv",
        {"text": ["x"] * 3, "sport": ["1", "0", "1.0"], "music": [True, 0, "false"]},
        lines=[2, 3, 4],
    )
    rows = columns_to_lists(source, ["sport", "music"], DataConfig())
    assert rows == [["sport", "music"], [], ["sport"]]
    labels = LabelSet.from_training(rows, table=source, listed=["sport", "music"], many=True)
    assert labels.encode(rows, source, "train", many=True) == [[0, 1], [], [0]]


@pytest.mark.parametrize("cell", ["2", "yes", 0.5])
def test_columns_of_something_else(cell):
    source = Table("a.csv", {"sport": ["1", cell]}, lines=[2, 3])
    assert error_of(columns_to_lists, source, ["sport"], DataConfig()) == (
        f"a.csv, line 3: {cell!r} in label column 'sport'; a list of label columns holds 0 or 1 "
        "(or True or False) a row. One column that holds label names is data.label=COLUMN"
    )


# numbers and problem types -----------------------------------------------------------------


def test_numbers():
    assert numbers(["1", " 2.5", 3, -0.5], table([0] * 4), DataConfig()) == [1.0, 2.5, 3.0, -0.5]


@pytest.mark.parametrize("value", ["good", True, "1_000"])
def test_no_number(value):
    assert error_of(numbers, ["1", value], table(["1", value]), DataConfig()) == (
        f"train.csv, line 3: {value!r} in column 'label' is not a number; a regression target is a "
        "finite number. Fix the row; labels that are names need "
        "data.problem_type=single_label_classification"
    )


@pytest.mark.parametrize("value", ["nan", "-inf", float("inf")])
def test_number_that_is_not_finite(value):
    assert f"line 2: {value!r} in column 'label' is not finite" in error_of(
        numbers, [value], table([value]), DataConfig()
    )


@pytest.mark.parametrize("value", ["", " ", None, float("nan")])
def test_no_target(value):
    assert error_of(numbers, ["1", value], table(["1", value]), DataConfig()) == (
        "train.csv, line 3: row has no label (column 'label' is empty); every row needs one. Add "
        "the label or remove the row; data.unlabelled=skip leaves such rows out"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["pos", "neg"], "single_label_classification"),
        ([1, 2, 5], "single_label_classification"),
        (["1.0", "2.0"], "single_label_classification"),
        ([True, False], "single_label_classification"),
        (["1", "2.5"], "regression"),
        ([0.1, None, ""], "regression"),
        (["2.5", "n/a"], "single_label_classification"),
        ([0.5, float("nan")], "regression"),
        (["nan", "inf"], "single_label_classification"),
        ([["a"], []], "multi_label_classification"),
        ([None, ["a"]], "multi_label_classification"),
        ([], "single_label_classification"),
    ],
)
def test_infer_problem_type(values, expected):
    assert infer_problem_type(values) == expected


def test_problem_type_of_a_recipe():
    source = table(["0.5", "1"])
    assert problem_type(DataConfig(), source) == "regression"
    multi = "multi_label_classification"
    assert problem_type(DataConfig(label=["label", "other"]), source) == multi
    assert problem_type(DataConfig(label_separator=";"), source) == multi
    single = "single_label_classification"
    assert problem_type(DataConfig(problem_type=single), source) == single
    assert error_of(problem_type, DataConfig(label="lable"), source).startswith(
        "train.csv: no column 'lable' for data.label; the columns are: label."
    )
