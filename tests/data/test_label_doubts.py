"""Labels that look like one: said before training, with a remedy that works as printed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from helpers.support import write_csv
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.data.label_doubts import label_doubts

pytestmark = pytest.mark.usefixtures("without_report")


@pytest.mark.parametrize(
    ("names", "beginning"),
    [
        (["01", "1", "1.0", "2"], "labels that are one number: '01', '1', '1.0'; if they are one:"),
        (["Pos", "pos ", "x"], "labels that differ in case or white space only: 'Pos', 'pos ';"),
        (["True", "1", "no"], "labels that may be one truth value: 'True', '1'; if they are one:"),
        (["0", "1", "false"], "labels that may be one truth value: '0', 'false'; if they are one:"),
        (["3,5", "4"], "labels look like numbers with a decimal comma, and each is a class"),
        (["1,25", "2,5"], "labels look like numbers with a decimal comma, and each is a class"),
    ],
)
def test_what_is_unusual_is_a_line(names: list[str], beginning: str) -> None:
    (line,) = label_doubts(names)
    assert line.startswith(beginning)


@pytest.mark.parametrize(
    "names",
    [
        ["1", "2", "10"],
        ["a,b", "3,5"],
        ["nan", "None", "True"],
        ["1.5", "-1.5"],
        ["v1", "v01"],
        ["True", "False"],
        ["true", "false", "2"],
    ],
)
def test_what_is_usual_is_none(names: list[str]) -> None:
    assert label_doubts(names) == []


def test_no_map_of_many_labels() -> None:
    (line,) = label_doubts([*map(str, range(30)), "01"])
    assert line == "labels that are one number: '1', '01'"


@pytest.mark.parametrize("one", ["1.0", "it's A", "no: B "])
def test_train_says_it_and_the_remedy_works_as_printed(
    one: str, tmp_path: Path, settings: dict[str, Any]
) -> None:
    other = "1" if one == "1.0" else f" {one.upper()}"
    rows = [{"text": f"good {i}", "label": [one, other, "x, y"][i % 3]} for i in range(12)]
    path = write_csv(tmp_path / "a.csv", rows)
    settings |= {"data.train": str(path), "train.epochs": 1, "data.validation": str(path)}
    keys = [f"{key}={value}" for key, value in settings.items()]
    trained = CliRunner().invoke(
        app, ["train", "sentiment", *keys, "--output", str(tmp_path / "run")]
    )
    assert trained.exit_code == 0, trained.output
    (line,) = [line for line in trained.output.splitlines() if "if they are one: " in line]
    (remedy,) = shlex.split(line.split("if they are one: ")[1])
    checked = CliRunner().invoke(app, ["data", "check", str(path), remedy, "--json"])
    assert checked.exit_code == 0, checked.output
    assert "if they are one" not in checked.output
