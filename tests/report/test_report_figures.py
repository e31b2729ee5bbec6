"""The figures on the page are those that scikit-learn and scipy compute."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from hfdl.metrics.calibration import expected_calibration_error
from hfdl.report.counts import wilson
from hfdl.report.sections.calibration import calibrate
from hfdl.report.wording import measured, number, percent

pytestmark = pytest.mark.usefixtures("without_charts")

MULTI = "multi_label_classification"
REGRESSION = "regression"


def _pair(run, split):
    rows = run.on(split)
    return [row["label"] for row in rows], [row["prediction"] for row in rows]


def _percent_or_missing(value, denominator):
    return percent(value) if denominator else "—"


@pytest.mark.parametrize("labels", [2, 5, 30])
def test_label_table_equals_scikit_learn(fake_run, page, tmp_path, labels):
    run = fake_run(labels, sizes={"validation": 120, "test": 240})
    found = page(run, tmp_path)
    for which, split in enumerate(("test", "validation")):
        true, said = _pair(run, split)
        scores = precision_recall_fscore_support(true, said, labels=run.labels, zero_division=0)
        rows = found.table("labels", which)[1:]
        for index, name in enumerate(run.labels):
            precision, recall, f1, support = (column[index] for column in scores)
            predicted = said.count(name)
            assert rows[index] == [
                name,
                _percent_or_missing(precision, predicted),
                _percent_or_missing(recall, support),
                _percent_or_missing(f1, support + predicted),
                number(int(support)),
                number(predicted),
            ]
        for row, average in zip(rows[-2:], ("macro", "weighted"), strict=True):
            expected = precision_recall_fscore_support(true, said, average=average, zero_division=0)
            assert row[:4] == [f"{average} average", *(percent(value) for value in expected[:3])]


def test_many_labels_show_the_weakest_first(fake_run, page, tmp_path):
    run = fake_run(77, sizes={"validation": 600})
    found = page(run, tmp_path)
    true, said = _pair(run, "validation")
    scores = precision_recall_fscore_support(true, said, labels=run.labels, zero_division=0)
    columns = zip(scores[2], run.labels, scores[3], strict=True)
    by_f1 = sorted((f1, name) for f1, name, support in columns if support)
    weakest, everything = found.tables["labels"]
    assert [row[0].strip() for row in weakest[1:21]] == [name for _, name in by_f1[:20]]
    assert len(everything) == 1 + 77


def test_multi_label_table_equals_scikit_learn(fake_run, page, tmp_path):
    run = fake_run(["a", "b", "never", "c"], problem_type=MULTI)
    for row in run.rows:
        for key in ("label", "prediction"):
            row[key] = [name for name in row[key] if name != "never"]
    found = page(run, tmp_path)
    binarizer = MultiLabelBinarizer(classes=run.labels)
    true, said = (binarizer.fit_transform(names) for names in _pair(run, "test"))
    rows = found.table("labels")
    precision, recall, f1, support = precision_recall_fscore_support(true, said, zero_division=0)
    assert rows[1][1:4] == [percent(precision[0]), percent(recall[0]), percent(f1[0])]
    assert rows[1][4] == number(int(support[0]))
    assert rows[3] == ["never", "—", "—", "—", "0", "0"]
    for row, average in zip(rows[-3:], ("micro", "macro", "weighted"), strict=True):
        expected = precision_recall_fscore_support(true, said, average=average, zero_division=0)
        assert row[:4] == [f"{average} average", *(percent(value) for value in expected[:3])]
    assert "confusion" not in found.tables


@pytest.mark.parametrize("labels", [2, 5])
def test_confusion_matrix_equals_scikit_learn(fake_run, page, tmp_path, labels):
    run = fake_run(labels)
    true, said = _pair(run, "test")
    expected = confusion_matrix(true, said, labels=run.labels)
    rows = page(run, tmp_path).table("confusion")
    assert rows[0][1:-1] == run.labels
    for row, counts in zip(rows[1:], expected, strict=True):
        assert row[-1] == str(counts.sum())
        for cell, count in zip(row[1:-1], counts, strict=True):
            share = f" {percent(count / counts.sum())}" if count else ""
            assert cell == f"{count}{share}"


def test_many_labels_show_the_most_confused_pairs(fake_run, page, tmp_path):
    run = fake_run(30, sizes={"validation": 800})
    found = page(run, tmp_path)
    matrix = confusion_matrix(*_pair(run, "validation"), labels=run.labels)
    wrong = matrix - np.diag(np.diag(matrix))
    rows = found.table("pairs")[1:]
    assert "confusion" not in found.tables
    assert [int(row[2]) for row in rows] == sorted(wrong.ravel().tolist(), reverse=True)[:20]
    for true, said, count, share in rows:
        place = run.labels.index(true), run.labels.index(said)
        assert wrong[place] == int(count)
        assert share == percent(wrong[place] / matrix[place[0]].sum())


def test_accuracy_has_wilsons_interval(fake_run, page, tmp_path):
    run = fake_run(5)
    found = page(run, tmp_path)
    true, said = _pair(run, "test")
    right = sum(a == b for a, b in zip(true, said, strict=True))
    interval = binomtest(right, len(true)).proportion_ci(method="wilson")
    assert wilson(right, len(true)) == pytest.approx((interval.low, interval.high))
    shown = f"({percent(interval.low)} to {percent(interval.high)})"
    assert found.table("figures")[1][:2] == ["Accuracy", f"{percent(right / len(true))} {shown}"]
    assert f"95% interval {shown[1:-1]}, 90 examples" in found.text


def test_no_interval_where_accuracy_counts_something_else(fake_run, page, tmp_path):
    run = fake_run(5)
    run._score = lambda rows: {"accuracy": 0.123, "loss": 0.4}
    found = page(run, tmp_path)
    assert found.table("figures")[1][1] == "12.3%"
    assert "95% interval 1" not in found.text
    assert "it may well be anything" not in found.text


@pytest.mark.parametrize(("right", "total"), [(0, 10), (10, 10), (1, 1), (0, 0)])
def test_wilson_at_the_ends(right, total):
    low, high = wilson(right, total)
    assert 0 <= low < high <= 1
    assert low == 0 or right
    assert high == 1 or right < total


def test_calibration_error(fake_run, page, tmp_path):
    run = fake_run(5, sizes={"validation": 400})
    scores = np.array([row["score"] for row in run.rows])
    correct = np.array([row["label"] == row["prediction"] for row in run.rows])
    expected = expected_calibration_error(scores, correct)
    found = page(run, tmp_path)
    assert f"Expected calibration error {percent(expected)}" in found.text
    assert "hfdl calibrate path/to/this/folder" in found.text
    assert sum(int(row[1]) for row in found.table("calibration")[1:]) == 400


def test_each_of_several_labels_is_a_score_of_its_own(fake_run):
    rows = [{"label": ["a"], "prediction": ["a", "b"], "scores": {"a": 0.9, "b": 0.6}}]
    found = calibrate(rows * 10)
    assert found is not None
    assert (found.confidence, found.accuracy) == (pytest.approx(0.75), 0.5)
    assert found.error == pytest.approx((0.1 + 0.6) / 2)


def test_what_was_calibrated_is_said(fake_run, page, tmp_path):
    change = {"before": 0.84239, "after": 0.49264, "low": -0.5313, "high": -0.1749}
    figures = {"nll": change, "brier": change, "ece": {**change, "low": None, "high": None}}
    saved = {"temperature": 3.13731, "verdict": "better", "changed_answers": {"test": 2, "x": 0},
             "splits": {"validation": {"figures": figures}}}  # fmt: skip
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "calibration.json").write_text(json.dumps(saved), encoding="utf-8")
    found = page(fake_run(2), tmp_path)
    assert "This model is calibrated, T = 3.137" in found.text
    assert found.table("calibrated")[1] == [
        "Log loss, validation", "0.8424", "0.4926", "-0.5313 to -0.1749"
    ]  # fmt: skip
    assert "2 answers on test became another one" in found.text
    assert "hfdl calibrate path" not in found.text


def test_regression_errors(fake_run, page, tmp_path):
    run = fake_run(["score"], problem_type=REGRESSION)
    found = page(run, tmp_path)
    true, said = (np.array(values) for values in _pair(run, "test"))
    errors = said - true
    for value in (errors.mean(), np.abs(errors).mean(), np.sqrt((errors**2).mean()), true.std()):
        assert measured(float(value)) in found.text
    assert found.sections == ["figures", "limits", "training", "errors", "examples", "facts"]
    worst = run.on("test")[int(np.abs(errors).argmax())]
    places = re.findall(r"test\.csv, line \d+", found.text)
    assert places[0] == worst["where"]
    assert len(places) == 20
