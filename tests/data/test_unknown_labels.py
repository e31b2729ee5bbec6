"""Labels that training lacks: what is printed makes no class that nothing trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.label_files import checked, labelled, remedy, written
from helpers.support import reviews
from typer.testing import CliRunner

from hfdl.cli.app import app

SPELLED = [
    (["0.0", "1.0"], [0, 1], "jsonl"),
    (["0.0", "1.0"], ["0", "1"], "csv"),
    (["0", "1"], ["0.0", "1.0"], "csv"),
    (["neg", "pos"], ["Neg", "POS"], "csv"),
    (["True", "False"], ["true", "false"], "csv"),
    (["True", "False"], ["TRUE", "False"], "csv"),
    (["neg", "pos"], ["neg ", "pos\u200b"], "parquet"),
    (["écrit", "parlé"], ["e\u0301crit", "parlé"], "jsonl"),
    (["01", "02"], ["1", "2"], "csv"),
]
SCORES = r"map it with |means no label: |several labels: "


def pair(folder: Path, train: list[Any], test: list[Any], suffix: str = "csv") -> list[str]:
    one = written(folder / "train.csv", labelled(train))
    rows = [{**row, "text": f"other {i}"} for i, row in enumerate(labelled(test))]
    other = written(folder / f"test.{suffix}", rows)
    return [str(one), f"data.test={other}"]


@pytest.mark.parametrize(("train", "test", "suffix"), SPELLED, ids=ascii)
def test_another_spelling_is_mapped(
    train: list[str], test: list[Any], suffix: str, tmp_path: Path
) -> None:
    path, held = pair(tmp_path, train, test, suffix)
    (problem,) = checked(Path(path), held)["problems"]
    (key,) = remedy(problem, SCORES)
    after = checked(Path(path), held, key)
    assert after["problems"] == after["warnings"] == []
    labels = {split: report["labels"] for split, report in after["splits"].items()}
    assert labels["train"] == labels["test"] == dict.fromkeys(sorted(train), 15)


@pytest.mark.parametrize("values", [[-1], ["-1"], ["-1.0"], ["N/A"], ["?", "?"], ["NULL", "-"]])
@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_split_without_labels(values: list[Any], split: str, tmp_path: Path) -> None:
    path, held = pair(tmp_path, ["neg", "pos"], values)
    (problem,) = checked(Path(path), held.replace("test=", f"{split}=", 1))["problems"]
    assert f"no row of {split} has a label, but " in problem
    assert problem.endswith(f"Leave data.{split} out")


def test_some_rows_without_a_label(tmp_path: Path) -> None:
    path, held = pair(tmp_path, ["neg", "pos"], ["neg", "pos", "-1"])
    (problem,) = checked(Path(path), held)["problems"]
    after = checked(Path(path), held, *remedy(problem, SCORES))
    assert after["problems"] == []
    assert after["splits"]["test"]["labels"] == {"neg": 10, "pos": 10}


def test_several_labels_in_test_alone(tmp_path: Path) -> None:
    path, held = pair(tmp_path, ["a", "b", "c"], ["a", "b|c", "c|a"])
    (problem,) = checked(Path(path), held)["problems"]
    after = checked(Path(path), held, *remedy(problem, SCORES))
    assert after["problems"] == []
    assert after["splits"]["test"]["labels"] == {"a": 20, "b": 10, "c": 20}


@pytest.mark.parametrize("labels", [["neg", "pos"], {"0": "neg", "1": "pos"}])
def test_beside_a_label_that_is_new(labels: Any, tmp_path: Path) -> None:
    path, held = pair(tmp_path, ["0", "1"] if isinstance(labels, dict) else labels,
                      ["NEG", "pos", "odd"])  # fmt: skip
    keys = [held, f"data.labels={json.dumps(labels)}"]
    (problem,) = checked(Path(path), *keys)["problems"]
    (key,) = remedy(problem, SCORES)
    after = checked(Path(path), *keys, key.replace("LABEL", "pos"))
    assert after["problems"] == []
    assert after["splits"]["test"]["labels"] == {"neg": 10, "pos": 20}


def test_evaluate(trained: Path, tmp_path: Path) -> None:
    rows = reviews(30)
    names = {"positive": "Positive", "negative": "-1"}
    some = [{**row, "label": names[row["label"]]} for row in rows]
    path = written(tmp_path / "some.csv", [*some, *rows])

    def evaluated(*keys: str) -> Any:
        output = str(tmp_path / f"run {len(keys)}")
        return CliRunner().invoke(app, ["evaluate", str(trained), *keys, "--output", output])

    error = str(evaluated(str(path)).exception)
    skip = remedy(error, "means no label: ")
    (key,) = remedy(error, "write a known one[)]: ")[:1]
    filled = key.replace("LABEL", "negative")
    assert filled != key
    assert evaluated(str(path), *skip, filled).exit_code == 0
    path = written(tmp_path / "none.csv", [{**row, "label": "-1"} for row in rows])
    assert "no row of test has a label, but '-1'" in str(evaluated(str(path)).exception)
