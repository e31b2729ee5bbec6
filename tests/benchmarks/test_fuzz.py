"""Whatever the bytes, hfdl reads them or refuses them with an error of its own."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.fuzz import command, target
from benchmarks.fuzz.mutate import MOST, mutated, mutated_json
from benchmarks.fuzz.target import Finding, PropertyBroken, Target, must, tried
from benchmarks.fuzz.targets import BY_NAME, TARGETS
from benchmarks.harness.tables import TABLES
from hfdl.errors import DataError

FOUND = Path(__file__).parents[1] / "assets" / "fuzz"
"""A file each for what was found: ``TARGET/WHAT-IT-IS``."""
READ = {("conll", "tags-are-large-numbers"), ("jsonl", "tags-are-large-numbers"),
        ("conll", "mark-in-the-second-line")}  # fmt: skip
"""What is a table, if none of entities. All the rest is refused."""
FILES = sorted(FOUND.glob("*/*"))
MUTATIONS = 300


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_is_mended(path: Path, tmp_path: Path) -> None:
    key = path.parent.name, path.name
    assert tried(BY_NAME[key[0]], path.read_bytes(), tmp_path) is (key in READ)


def test_all_that_was_found_is_there() -> None:
    assert len(FILES) >= 40
    assert {path.parent.name for path in FILES} <= BY_NAME.keys()
    assert {(path.parent.name, path.name) for path in FILES} >= READ


@pytest.mark.parametrize("one", TARGETS, ids=lambda one: one.name)
def test_seeds_and_mutations_are_read_or_refused(one: Target, tmp_path: Path) -> None:
    assert [data for data in one.seeds if tried(one, data, tmp_path) is not True] == []
    draw = random.Random(one.name)
    outcomes: Counter[bool] = Counter()
    for number in range(MUTATIONS):
        data, changed = draw.choice(one.seeds), None
        if one.is_json and number % 2:
            changed = mutated_json(data, draw, one.words)
        changed = changed if changed is not None else mutated(data, draw, one.words)
        outcome = tried(one, changed, tmp_path)
        assert isinstance(outcome, bool), outcome
        outcomes[outcome] += 1
    assert outcomes.total() == MUTATIONS
    assert outcomes[True] >= 15  # they reach behind the first check
    if one.name != "manifest":  # a wrong one is passed over, with a note
        assert outcomes[False] >= 50


def test_mutations_are_those_of_their_seed_and_differ() -> None:
    data = b'{"a": [1, {"b": null}], "c": "text"}'
    once = [mutated(data, random.Random(i), [b"word"]) for i in range(200)]
    assert once == [mutated(data, random.Random(i), [b"word"]) for i in range(200)]
    assert len(set(once)) > 150
    assert any(b"word" in one for one in once)
    values = [mutated_json(data, random.Random(i), [b"word"]) for i in range(200)]
    parsed = [json.loads(value) for value in values if value is not None]
    assert len(parsed) == 200
    assert sum(value != json.loads(data) for value in parsed) > 150
    assert mutated_json(b"{", random.Random(0)) is None
    assert mutated_json(b"[" * 3000, random.Random(0)) is None
    assert len(mutated(b"x" * 2 * MOST, random.Random(0))) <= MOST


class PanicException(BaseException):  # as PyO3 calls it
    """What a panic in Rust is in Python."""


def refuse(data: bytes, folder: Path) -> None:
    raise DataError("no")


def panic(data: bytes, folder: Path) -> None:
    raise PanicException("index out of bounds")


def lose(data: bytes, folder: Path) -> None:
    must(len(data) == 0, "a row was lost")


def test_what_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(read: object) -> Finding | bool:
        return tried(Target("x", "", read, ()), b"data", tmp_path)  # pyright: ignore

    assert outcome(lambda data, folder: None) is True
    assert outcome(refuse) is False
    found = outcome(lambda data, folder: {}["key"])
    assert isinstance(found, Finding)
    assert found.kind.startswith("KeyError: ")
    assert (found.message, found.data) == ("'key'", b"data")
    found = outcome(panic)
    assert isinstance(found, Finding)
    assert found.kind.startswith("PanicException: ")
    assert outcome(lose) == Finding(f"{PropertyBroken.__name__}: a row was lost",
                                    "a row was lost", b"data")  # fmt: skip
    monkeypatch.setattr(target, "PATIENCE", -1.0)
    slow = outcome(lambda data, folder: None)
    assert isinstance(slow, Finding)
    assert slow.kind == "slow"


def test_the_command_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as left:
        main(["fuzz"])
    assert left.value.code == 2
    assert "pip install atheris" in capsys.readouterr().err
    assert main(["fuzz", "--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(TARGETS)


def test_the_command_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [
        ("#9 NEW cov: 12 ft: 20 corp: 4/9b\nstat::number_of_executed_units: 100\n"
         "SUMMARY: libFuzzer: timeout\n", 70),
        ("#9 DONE cov: 15 ft: 30 corp: 3/9b\nstat::number_of_executed_units: 50\n", 0),
    ]  # fmt: skip
    seeds = []

    def fuzzed(one: Target, seconds: int, seed: int, folder: Path) -> tuple[str, int]:
        seeds.append(seed)
        (folder / "findings").mkdir(exist_ok=True)
        if len(seeds) == 2:
            (folder / "findings" / "a").write_bytes(b"data")
            (folder / "findings" / "a.txt").write_text("KeyError: x\n'key'\n")
        else:
            (folder / "timeout-1").write_bytes(b"slow")
        return said[len(seeds) - 1]

    monkeypatch.setattr(command, "_fuzzed", fuzzed)
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: object())
    output, keep = tmp_path / "fuzz.json", tmp_path / "keep"
    words = ["--only", "csv", "--seconds", "60", "--output", str(output), "--findings", str(keep)]
    assert main(["fuzz", *words]) == 1
    assert seeds == [1, 2]
    result = json.loads(output.read_text())
    (row,) = result["rows"]
    assert (row["executions"], row["branches"], row["inputs_kept"]) == (150, 15, 4)
    assert [found["kind"] for found in row["findings"]] == ["libFuzzer: timeout", "KeyError: x"]
    assert sorted(path.name for path in (keep / "csv").iterdir()) == ["a", "a.txt", "timeout-1"]
    assert command.table(result["rows"])[-1] == "| **all** | 0 | 150 |  | 2 |"
    monkeypatch.setattr(command, "RESULT", output)
    assert "| csv | 0 | 150 | 15 | 2 |" in TABLES["fuzz"]([])
    monkeypatch.setattr(command, "RESULT", tmp_path / "none.json")
    assert TABLES["fuzz"]([]) == "Nothing is recorded yet."


@pytest.mark.slow
def test_a_few_seconds_with_atheris(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    output = tmp_path / "fuzz.json"
    words = ["--only", "vocabulary", "--seconds", "6", "--output", str(output)]
    assert main(["fuzz", *words]) == 0
    (row,) = json.loads(output.read_text())["rows"]
    assert row["findings"] == []
    assert row["executions"] > 1000
    assert row["branches"] > 20
