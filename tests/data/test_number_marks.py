"""Numbers with decimal commas and marks between thousands: read, told, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.label_files import checked, labelled, remedy, written

from hfdl.data.label_doubts import label_doubts
from hfdl.data.number_marks import doubt, writings

COMMA = "a decimal comma"
# labels; what the marks are called; what a regression reads
READ = [
    (["3,5", "4"], COMMA, [3.5, 4.0]),
    (["-1,5", "+2,25", "3"], COMMA, [-1.5, 2.25, 3.0]),
    (["0,500", "1,250"], COMMA, [0.5, 1.25]),
    (["1,000", "12,5"], COMMA, [1.0, 12.5]),
    (["1234,500", "1,000"], COMMA, [1234.5, 1.0]),
    (["1.037,50", "950,00"], COMMA, [1037.5, 950.0]),
    (["1,037.50", "950.25"], "commas between thousands", [1037.5, 950.25]),
    (["1,000,000", "2,500"], "commas between thousands", [1e6, 2500.0]),
    (["1.000.000", "2.500"], "dots between thousands", [1e6, 2500.0]),
    (["1 000", "250"], "marks between thousands", [1000.0, 250.0]),
    (["1\u00a0037,5", "2\u202f000,25"], COMMA, [1037.5, 2000.25]),
    (["1'000.5", "250"], "marks between thousands", [1000.5, 250.0]),
]
TWICE = [["950", "1,000", "1,250", "2,000"], ["1,000"], ["-1,500", "12,000"]]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("labels", "words", "targets"), READ, ids=ascii)
def test_of_one_reading(
    labels: list[str], words: str, targets: list[float], suffix: str, tmp_path: Path
) -> None:
    if len(labels) < 2:
        labels = [*labels, labels[0]]
    path = written(tmp_path / f"a.{suffix}", labelled(labels))
    (line,) = [line for line in checked(path)["warnings"] if "numbers" in line]
    assert line.startswith(f"labels look like numbers with {words}, and each is a class of its own")
    (key, *_) = remedy(line, r"a regression reads \S+: ")
    after = checked(path, key)
    assert after["problems"] == []
    found = after["splits"]["train"]["targets"]
    mean = sum(targets[i % len(targets)] for i in range(30)) / 30
    assert found == {"min": min(targets), "max": max(targets), "mean": pytest.approx(mean)}
    assert "is read as" in str(after["notes"])


@pytest.mark.parametrize("labels", TWICE, ids=str)
def test_of_two_readings(labels: list[str], tmp_path: Path) -> None:
    line = doubt(labels) or ""
    first = next(label for label in labels if "," in label)
    thousands, decimal = first.replace(",", ""), first.replace(",", ".")
    both = f"{first!r} may be {thousands} (commas between thousands) or {decimal} ({COMMA}): write"
    assert both in line
    assert "data.problem_type" not in line
    path = written(tmp_path / "a.csv", labelled(labels))
    (problem,) = checked(path, "data.problem_type=regression")["problems"]
    assert f"t may be {thousands} (commas between thousands) or {decimal} ({COMMA})" in problem


def test_beside_a_label_that_means_none(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", labelled(["1,5", "2,5", "n/a"]))
    lines = checked(path)["warnings"]
    keys = [key for line in lines for key in remedy(line, r"no label: |reads [\d.]+: ")]
    keys = [key for key in keys if "label_separator" not in key]
    assert len(lines) == 2
    assert checked(path, *keys)["splits"]["train"]["targets"] == {
        "min": 1.5, "mean": 2.0, "max": 2.5,
    }  # fmt: skip


def test_an_error_of_a_regression_names_the_key() -> None:
    (line,) = label_doubts(["1.5", "2.5", "3.5", "3,5"])
    assert line.endswith("a regression reads 3.5; of several labels in a cell: "
                         "data.label_separator=','")  # fmt: skip


@pytest.mark.parametrize(
    "labels",
    [["1.500", "2.250"], ["a", "1,2"], ["1,2,3"], ["2.7", "3.10"], ["2021-01-05"], ["1.2.3"],
     ["1,00,0"], ["10", "20"], [], [","], ["1,"], ["1e3", "2"], ["-", "1,5x"]],
    ids=str,
)  # fmt: skip
def test_others(labels: list[str]) -> None:
    assert writings(labels) == []
    assert doubt(labels) is None
