"""hfdl.evaluate on new data: its own folder, mistakes worst first, what guessing reaches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error

import hfdl
from hfdl.cli import errors
from hfdl.errors import OutputError
from hfdl.report.guess import MULTI, REGRESSION, SINGLE, guess_of, guesses
from hfdl.report.mistakes import mistakes
from hfdl.report.record import RunRecord


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_the_folder_of_an_evaluation(
    trained: Path, csv_file: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named: bool,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    wrong = {"positive": "negative", "negative": "positive"}
    rows = [{**row, "label": wrong[row["label"]] if i < 9 else row["label"]}
            for i, row in enumerate(reviews(30))]  # fmt: skip
    data, before = csv_file("mine.csv", rows), files(trained)
    given = ["--output", "mine"] if named else []
    assert errors.run(["evaluate", str(trained), str(data), *given]) == 0
    out = capsys.readouterr().out
    assert files(trained) == before
    [folder] = [Path("mine")] if named else list(Path("runs").glob("evaluate-run-*"))
    assert {path.name for path in folder.iterdir()} == {
        "recipe.yaml", "metrics.json", "predictions.jsonl", "mistakes.jsonl", "report.html",
        "log.jsonl",
    }  # fmt: skip
    predictions = [json.loads(x) for x in (folder / "predictions.jsonl").read_text().splitlines()]
    metrics = json.loads((folder / "metrics.json").read_text())
    right = [row["label"] == row["prediction"] for row in predictions]
    assert len(predictions) == 30
    assert metrics["test"]["accuracy"] == pytest.approx(sum(right) / 30)
    worst = [json.loads(line) for line in (folder / "mistakes.jsonl").read_text().splitlines()]
    assert len(worst) == 30 - sum(right) > 0
    scores = [row["score"] for row in worst]
    assert scores == sorted(scores, reverse=True)
    assert f"the worst of {len(worst)} mistakes:" in out
    assert "for comparison: always 'negative': accuracy 0.5333 on test" in out or (
        "for comparison: always 'positive': accuracy" in out
    )
    assert f"saved in {folder}: report.html" in out
    assert "always answering" in (folder / "report.html").read_text(encoding="utf-8")


def test_python(trained: Path, csv_file: Callable[..., Path], tmp_path: Path) -> None:
    data = str(csv_file("mine.csv", 20))
    quiet: Any = {"listener": lambda event: None}
    plain = hfdl.evaluate(trained, {"data.test": data}, **quiet)
    assert plain.directory is None
    written = hfdl.evaluate(trained, {"data.test": data}, output=tmp_path / "e", **quiet)
    assert (written, written.directory) == (plain, tmp_path / "e")
    for taken in (tmp_path / "e", trained):
        with pytest.raises(OutputError, match="not empty"):
            hfdl.evaluate(trained, {"data.test": data}, output=taken, **quiet)


def record(kind: str, rows: list[tuple[Any, Any]], **metrics: float) -> RunRecord:
    predictions = [
        {"split": "test", "index": i, "label": label, "prediction": said, "score": 0.5 + i / 100}
        for i, (label, said) in enumerate(rows)
    ]
    facts = {"task": "text_classification", "problem_type": kind, "test": metrics}
    return RunRecord({}, "", facts, [], predictions)


def test_guesses_are_those_of_dummy_models() -> None:
    labels = ["b", "a", "b", "c", "b", "a"]
    dummy = DummyClassifier(strategy="most_frequent").fit(labels, labels).predict(labels)
    guess = guess_of(record(SINGLE, [(x, "b") for x in labels], accuracy=0.5), "test")
    assert guess is not None
    assert (guess.answer, guess.value) == ("b", accuracy_score(labels, dummy))
    assert not guess.is_beaten
    assert guess.warning() == (
        "the model is no better than guessing on test: accuracy 0.5000, and always 'b' has 0.5000; "
        "it answers 'b' to every text"
    )
    numbers = [1.0, 2.0, 9.0, 2.5]
    flat = DummyRegressor(strategy="median").fit(numbers, numbers).predict(numbers)
    error = mean_absolute_error(numbers, flat)
    for mae, beaten in ((error + 0.1, False), (error - 0.1, True)):
        guess = guess_of(record(REGRESSION, [(x, 1.0) for x in numbers], mae=mae), "test")
        assert guess is not None
        assert guess.value == pytest.approx(error)
        assert (guess.is_beaten, guess.warning() is None) == (beaten, beaten)


def test_the_folder_of_a_run_is_refused_without_a_word_of_resuming(trained: Path) -> None:
    before = files(trained)
    with pytest.raises(OutputError) as caught:
        hfdl.evaluate(trained, output=trained, listener=lambda event: None)
    assert str(caught.value).endswith("Choose another --output")
    assert files(trained) == before


def test_guesses_of_several_labels_and_of_none() -> None:
    rows = [(["a", "b"], ["a"]), (["b", "a"], ["a", "b"]), ([], [])]
    [guess] = guesses(record(MULTI, rows, accuracy=2 / 3))
    assert (guess.answer, guess.value, guess.is_beaten) == ("a, b", 2 / 3, False)
    assert guesses(record("other", [], loss=1.0)) == []


def test_mistakes_of_each_kind() -> None:
    single = record(SINGLE, [("a", "b"), ("a", "a"), ("b", "a")], accuracy=1 / 3)
    assert [row["index"] for row in mistakes(single, "test")] == [2, 0]
    multi = record(MULTI, [(["a"], ["b"]), (["a"], ["a"]), (["a"], [])], accuracy=1 / 3)
    assert [row["index"] for row in mistakes(multi, "test")] == [0, 2]
    number = record(REGRESSION, [(1.0, 2.0), (1.0, -3.0), (1.0, 1.0)], mae=1.0)
    assert [row["index"] for row in mistakes(number, "test")] == [1, 0]
