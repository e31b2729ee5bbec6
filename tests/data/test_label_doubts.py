"""Labels that look like one: said before training, with a remedy that works as printed."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers.label_files import checked, written
from helpers.support import write_csv
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.data.alike import meaning
from hfdl.data.label_doubts import label_doubts

pytestmark = pytest.mark.usefixtures("without_report")


@pytest.mark.parametrize(
    ("names", "beginning"),
    [
        (["01", "1", "1.0", "2"], "labels that are one number: '01', '1', '1.0'; if they are one:"),
        (["Pos", "pos ", "x"], "labels that differ in case or white space only: 'Pos', 'pos ';"),
        (
            ["no", "no ", "yes", "Yes"],
            "labels that differ in case or white space only: 'no', 'no ' "
            "and 'yes', 'Yes'; if they are one: 'data.labels={",
        ),
        (
            ["a", "A", "0", "0.0"],
            "labels that differ in case or white space only: 'a', 'A'; labels "
            "that are one number: '0', '0.0'; if they are one: 'data.labels={a: a, A: a, 0: 0, ",
        ),
        (
            ["pos", "pos\u200b"],
            r"labels that look alike: 'pos', 'pos\u200b'; if they are one: "
            r"""'data.labels={pos: pos, "pos\u200b": pos}'""",
        ),
        (
            ["e\u0301cu", "écu"],
            r"labels that look alike: 'e\u0301cu', '\xe9cu'; if they are one: "
            r"""'data.labels={"e\u0301cu": écu, écu: écu}'""",
        ),
        (["pos", "p\u043es"], r"labels that look alike: 'pos', 'p\u043es'; if they are one"),
        (["１", "1"], r"labels that look alike: '\uff11', '1'; if they are one: 'data.labels={"),
        (["\u2764\ufe0f", "\u2764"], r"labels that look alike: '\u2764\ufe0f', '\u2764'; if"),
        (["\ufeffneg", "neg"], r"labels that look alike: '\ufeffneg', 'neg'; if they are one"),
        (["True", "1", "no"], "labels that may be one truth value: 'True', '1'; if they are one:"),
        (["0", "1", "false"], "labels that may be one truth value: '0', 'false'; if they are one:"),
        (
            ["1", "1.0", "true", "TRUE", "0"],
            "labels that may be one truth value: '1', '1.0', "
            "'true', 'TRUE'; if they are one: 'data.labels={1: 1, \"1.0\": 1, \"true\": 1, ",
        ),
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
        ["none", "No", "True"],
        ["1.5", "-1.5"],
        ["v1", "v01"],
        ["True", "False"],
        ["true", "false", "2"],
        ["да", "нет", "yes"],
        ["c", "c++"],
        ["中", "中国"],
    ],
)
def test_what_is_usual_is_none(names: list[str]) -> None:
    assert label_doubts(names) == []


def test_no_map_of_many_labels() -> None:
    (line,) = label_doubts([*map(str, range(30)), "01"])
    assert line == "labels that are one number: '1', '01'"


def test_the_map_goes_on_from_the_recipe_s() -> None:
    mapping = {"0": "neg", "1": "pos", "2": "Pos"}
    (line,) = label_doubts(["neg", "pos", "Pos"], mapping)
    assert line.endswith("if they are one: 'data.labels={0: neg, 1: pos, 2: pos}'")


GROUPS = (
    ["neg", "neg ", "pos", "pos "],
    ["0.0", "0", "1.0", "1", "01"],
    ["neg", "NEG", "1", "1.0", "other"],
    ["pos", "pos\u200b", "\u200bpos", "neg", "neg\u00a0", "ｎｅｇ"],
    ["e\u0301crit", "écrit", "Écrit", "parle\u0301", "parlé"],
    ["it's", "It's", 'a "b", c: d', 'A "b", c: d'],
)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("names", GROUPS, ids=ascii)
def test_one_map_mends_all_groups(names: list[str], suffix: str, tmp_path: Path) -> None:
    rows = [{"text": f"good {i}", "label": names[i % len(names)]} for i in range(30)]
    path = written(tmp_path / f"a.{suffix}", rows)
    before = checked(path)
    assert len(before["warnings"]) == 1, before["warnings"]
    (remedy,) = shlex.split(before["warnings"][0].split("if they are one: ")[1])
    after = checked(path, remedy)
    assert after["warnings"] == after["problems"] == []
    counts = Counter(meaning(row["label"]) for row in rows)
    assert sorted(after["splits"]["train"]["labels"].values()) == sorted(counts.values())


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
