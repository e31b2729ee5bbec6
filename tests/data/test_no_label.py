"""Texts that mean that there is no label: told, and left out by the words that are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.label_files import checked, labelled, remedy, written
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.data.label_doubts import label_doubts

NONE = "that there is no label: "
HALVES = [i / 2 for i in range(9)]

pytestmark = pytest.mark.usefixtures("without_report")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    "missing", ["N/A", "NaN", "null", "NULL", "None", r"\N", "?", "#N/A", "-", "see below", "-inf"]
)
def test_among_numbers(missing: str, suffix: str, tmp_path: Path) -> None:
    rows = labelled([*map(str, HALVES), missing])
    path = written(tmp_path / f"a.{suffix}", rows)
    before = checked(path)
    (line,) = [*before["warnings"], *before["problems"]]
    assert {"csv": "line 11", "jsonl": "line 10", "parquet": "row 10"}[suffix] in line
    assert missing in line or repr(missing) in line
    after = checked(path, *remedy(line))
    assert after["warnings"] == after["problems"] == []
    targets = [float(row["label"]) for row in rows if row["label"] != missing]
    assert after["splits"]["train"]["targets"] == {
        "min": min(targets), "mean": pytest.approx(sum(targets) / len(targets)),
        "max": max(targets),
    }  # fmt: skip


@pytest.mark.parametrize("missing", [["N/A"], ["NULL", "nan"], [r"\N"], ["None", "?", "#REF!"]])
@pytest.mark.parametrize("names", [["neg", "pos"], ["1", "2", "3"], ["neg", "Neg", "pos"]])
def test_among_names(names: list[str], missing: list[str], tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", labelled([*names, *missing]))
    before = checked(path)
    keys = [key for line in before["warnings"] for key in remedy(line)]
    after = checked(path, *keys)  # the map of spellings too, where there is one
    assert after["warnings"] == after["problems"] == []
    kept = {"neg", "pos"} if "Neg" in names else set(names)
    assert {name.lower() for name in after["splits"]["train"]["labels"]} == kept


def test_a_regression_of_two_kinds_of_missing(tmp_path: Path) -> None:
    rows = labelled([*HALVES, "n/a", None, "NaN", ""], 39)
    path = written(tmp_path / "a.csv", rows)
    keys = ["data.problem_type=regression"]
    (line,) = checked(path, *keys)["problems"]
    keys += remedy(line)
    assert checked(path, *keys)["problems"] == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["1", "2", "none"], False),
        (["none", "favor", "against"], False),
        (["1", "2", "3+"], False),
        (["0.5", "1.5", "3,5"], False),  # a decimal comma, which is told otherwise
        (["a", "n/a"], True),
        (["1", "2", "n/a"], True),
        (["0.5", "1.5", "2.5", "3", "other"], True),
    ],
)
def test_when_it_is_told(names: list[str], told: bool) -> None:
    assert any(NONE in line for line in label_doubts(names)) == told


@pytest.mark.parametrize(
    ("cells", "keys", "left"),
    [
        (["a;b", "a;N/A", "N/A", "b"], ["data.label_separator=;"], {"a": 2, "b": 2}),
        ([["a"], ["N/A"], ["b", "N/A"]], [], {"a": 1, "b": 1}),
        ([0, 1, -1, 0, 1, -1], [], {"0": 2, "1": 2}),
        (["x", " N/A ", "y", "-1"], [], {"x": 1, "y": 1}),
    ],
)
def test_cells_of_several_labels(
    cells: list[Any], keys: list[str], left: dict[str, int], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.jsonl", labelled(cells, len(cells)))
    skip = ["data.unlabelled=skip", "data.na_values=[N/A, -1]"]
    assert checked(path, *keys, *skip)["splits"]["train"]["labels"] == left


def test_columns_of_bits(tmp_path: Path) -> None:
    cells = [("0", "1"), ("1", "0"), ("N/A", "0"), ("", "1")] * 3
    rows = [{"text": f"a {i}", "toxic": a, "rude": b} for i, (a, b) in enumerate(cells)]
    path = written(tmp_path / "a.csv", rows)
    keys = ["data.label=[toxic, rude]"]
    (line,) = checked(path, *keys)["problems"]
    keys += remedy(line, "scored the row: ")
    assert checked(path, *keys)["splits"]["train"]["labels"] == {"toxic": 3, "rude": 3}


def test_train_evaluate_and_predict(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = written(tmp_path / "a.csv", labelled(["neg", "pos", "NULL", "Neg"], 40))
    settings |= {"data.train": str(path), "data.test": str(path), "train.epochs": 1}
    keys = [f"{key}={value}" for key, value in settings.items()]

    def trained(*more: str) -> Any:
        words = ["train", "sentiment", *keys, *more, "--output", str(tmp_path / f"run{len(more)}")]
        return CliRunner().invoke(app, words)

    said = trained().output.splitlines()
    told = [word for line in said for word in remedy(line)]
    assert len(told) == 3
    assert trained(*told).exit_code == 0
    scores = hfdl.evaluate(tmp_path / "run3")["test"]
    assert json.loads((tmp_path / "run3/config.json").read_text())["label2id"] == {
        "Neg": 0, "pos": 1,
    }  # fmt: skip
    output = tmp_path / "answers.jsonl"
    words = ["predict", str(tmp_path / "run3"), "--file", str(path), "--output", str(output)]
    assert CliRunner().invoke(app, words).exit_code == 0
    answers = [json.loads(line) for line in output.read_text().splitlines()]
    rows = [(row["prediction"], row["label"].title()) for row in answers if row["label"] != "NULL"]
    right = [guess.title() == label for guess, label in rows]
    assert len(right) == 30
    assert scores["accuracy"] == pytest.approx(sum(right) / len(right))
