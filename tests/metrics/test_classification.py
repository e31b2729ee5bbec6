"""Counts and averages against scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from hfdl.metrics import multi_label_metrics, single_label_metrics
from hfdl.metrics.classification import confusion_matrix, matthews_correlation

EXACT = {"rel": 1e-12, "abs": 1e-12}
SINGLE = ["accuracy", "f1", "precision", "recall", "matthews_correlation"]
MULTI = ["accuracy", "f1", "precision", "recall", "f1_macro"]


def scikit_single(truth, guess):
    average = {"average": "macro", "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one label alone: scikit-learn says so
        return {
            "accuracy": sk.accuracy_score(truth, guess),
            "f1": sk.f1_score(truth, guess, **average),
            "precision": sk.precision_score(truth, guess, **average),
            "recall": sk.recall_score(truth, guess, **average),
            "matthews_correlation": sk.matthews_corrcoef(truth, guess),
        }


def scikit_multi(truth, guess):
    micro = {"average": "micro", "zero_division": 0}
    return {
        "accuracy": sk.accuracy_score(truth, guess),
        "f1": sk.f1_score(truth, guess, **micro),
        "precision": sk.precision_score(truth, guess, **micro),
        "recall": sk.recall_score(truth, guess, **micro),
        "f1_macro": sk.f1_score(truth, guess, average="macro", zero_division=0),
    }


@st.composite
def label_pairs(draw):
    n_labels = draw(st.integers(1, 7))
    ids = st.integers(0, n_labels - 1)
    n = draw(st.integers(1, 60))
    column = st.lists(ids, min_size=n, max_size=n)
    return draw(column), draw(column), n_labels


@given(label_pairs())
def test_single_label_metrics_equal_scikit_learn(case):
    truth, guess, n_labels = case
    ours = single_label_metrics(truth, guess, n_labels)
    assert list(ours) == SINGLE
    assert ours == pytest.approx(scikit_single(truth, guess), **EXACT)


@pytest.mark.parametrize(
    ("truth", "guess", "n_labels"),
    [
        ([0, 1, 2, 0, 1, 2], [0, 0, 0, 0, 0, 0], 3),  # one guess for all: two never predicted
        ([0, 0, 1, 1], [2, 2, 2, 2], 3),  # a label that is only ever guessed
        ([1, 1, 4, 4], [1, 4, 4, 4], 9),  # labels that occur nowhere do not count
        ([0], [0], 1),
        ([3], [1], 5),
        ([0, 1], [1, 0], 2),
        ([0, 0, 0], [0, 0, 0], 2),
    ],
)
def test_single_label_corners_equal_scikit_learn(truth, guess, n_labels):
    ours = single_label_metrics(truth, guess, n_labels)
    assert ours == pytest.approx(scikit_single(truth, guess), **EXACT)


def test_matthews_of_two_labels_is_the_phi_coefficient():
    truth, guess = [1, 1, 1, 0, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1, 0, 1]
    # (TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN)) with TP=3 TN=3 FP=1 FN=1
    expected = (3 * 3 - 1 * 1) / (4 * 4 * 4 * 4) ** 0.5
    assert matthews_correlation(confusion_matrix(truth, guess, 2)) == pytest.approx(expected)


def test_matthews_of_many_examples_does_not_overflow():
    counts = np.array([[3_000_000_000, 1_000_000_000], [1_000_000_000, 3_000_000_000]])
    assert matthews_correlation(counts) == pytest.approx(0.5, **EXACT)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(label_pairs())
def test_confusion_matrix_equals_scikit_learn(case):
    truth, guess, n_labels = case
    expected = sk.confusion_matrix(truth, guess, labels=range(n_labels))
    np.testing.assert_array_equal(confusion_matrix(truth, guess, n_labels), expected)


def test_no_examples_are_zero_and_not_nan():
    assert single_label_metrics([], [], 3) == dict.fromkeys(SINGLE, 0.0)
    nothing = np.zeros((0, 3))
    assert multi_label_metrics(nothing, nothing) == dict.fromkeys(MULTI, 0.0)


@st.composite
def indicator_pairs(draw):
    n, c = draw(st.integers(1, 25)), draw(st.integers(2, 5))
    table = st.lists(
        st.lists(st.booleans(), min_size=c, max_size=c), min_size=n, max_size=n
    ).map(np.array)  # fmt: skip
    return draw(table), draw(table)


@given(indicator_pairs())
def test_multi_label_metrics_equal_scikit_learn(case):
    truth, guess = case
    ours = multi_label_metrics(truth, guess)
    assert list(ours) == MULTI
    assert ours == pytest.approx(scikit_multi(truth, guess), **EXACT)


@pytest.mark.parametrize(
    ("truth", "guess"),
    [
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),  # rows without any label, all right
        ([[0, 0], [1, 0]], [[1, 1], [0, 0]]),  # one empty row each, nothing right
        ([[1, 0, 1], [0, 0, 1]], [[1, 0, 1], [1, 0, 1]]),  # a label that occurs nowhere
        ([[1, 1, 1]], [[0, 0, 0]]),
    ],
)
def test_multi_label_corners_equal_scikit_learn(truth, guess):
    ours = multi_label_metrics(truth, guess)
    assert ours == pytest.approx(scikit_multi(np.array(truth), np.array(guess)), **EXACT)


def test_multi_label_of_one_label_is_that_label_alone():
    truth, guess = [[1], [1], [0], [0], [1]], [[1], [0], [1], [0], [1]]
    ours = multi_label_metrics(truth, guess)
    # TP 2, FP 1, FN 1
    assert ours == pytest.approx(
        {"accuracy": 3 / 5, "f1": 2 / 3, "precision": 2 / 3, "recall": 2 / 3, "f1_macro": 2 / 3}
    )


def test_every_metric_is_a_plain_float():
    values = [*single_label_metrics([0, 1], [1, 1], 2).values()]
    values += multi_label_metrics([[1, 0]], [[1, 1]]).values()
    assert len(values) == len(SINGLE) + len(MULTI)
    assert all(type(value) is float for value in values)
