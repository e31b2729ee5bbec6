"""Sides in turn: their order, their processes, the budget of time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews

from benchmarks import claims
from benchmarks.harness import turns
from benchmarks.harness.clock import Stretches, measured
from benchmarks.harness.turns import Budget, SideFailed, order, take_turns

SETTINGS = {"reviews": 5, "words": 60, "threads": 1, "limit_seconds": 0.01}


def test_the_order_goes_back_and_forth() -> None:
    assert [order(["a", "b"], n) for n in range(4)] == [["a", "b"], ["b", "a"]] * 2
    assert order(["a", "b", "c"], 1) == ["c", "b", "a"]


class FakeWorker:
    """A side that takes as long as a fake clock says."""

    now = 0.0
    calls: list[tuple[str, int]] = []  # noqa: RUF012

    def __init__(self, program: str, side: str, settings: dict[str, Any]) -> None:
        self.side = side
        assert Path(settings["folder"]).is_dir()

    def wait_until_ready(self) -> None:
        FakeWorker.now += 5.0

    def work(self, number: int) -> dict[str, Any]:
        FakeWorker.now += 10.0
        FakeWorker.calls.append((self.side, number))
        return {"processor_seconds": 10.0}

    def close(self) -> None:
        FakeWorker.calls.append((self.side, -1))


@pytest.mark.parametrize(("seconds", "rounds"), [(0, 2), (60, 2), (70, 3), (89, 3), (90, 4)])
def test_time_alone_ends_it(monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int) -> None:
    """Ten seconds of preparing, twenty for each round."""
    monkeypatch.setattr(turns, "Worker", FakeWorker)
    monkeypatch.setattr(turns.time, "monotonic", lambda: FakeWorker.now)
    FakeWorker.calls = []
    program = claims.program("tokenizers")
    found = take_turns(program, {}, Budget(seconds, least=2, most=6))
    assert len(found) == 2 * rounds
    ab = [("hfdl", 0), ("tokenizers", 0), ("tokenizers", 1), ("hfdl", 1)]
    assert FakeWorker.calls[:4] == ab
    assert FakeWorker.calls[-2:] == [("hfdl", -1), ("tokenizers", -1)]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "imdb_unsup_text" / "corpus.txt"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(row["text"] for row in reviews(8)), encoding="utf-8")
    return tmp_path / "data"


def test_each_side_has_a_process_of_its_own(corpus: Path) -> None:
    said: list[str] = []
    found = take_turns(
        claims.program("tokenizers"), {**SETTINGS, "data": str(corpus)}, Budget(0, 2, 2),
        said.append,
    )  # fmt: skip
    sides = [(row["round"], row["side"]) for row in found]
    assert sides == [(0, "hfdl"), (0, "tokenizers"), (1, "tokenizers"), (1, "hfdl")]
    assert all(row["processor_seconds"] > 0 and row["pieces"] > 20 for row in found)
    assert len(said) == 4


def test_a_side_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(SideFailed, match=r"(?s)hfdl:.*corpus\.txt"):
        take_turns(
            claims.program("tokenizers"), {**SETTINGS, "data": str(tmp_path)}, Budget(0, 1, 1)
        )


def test_threads_and_network_are_set_for_a_side() -> None:
    found = turns.surroundings(3)
    assert found["OMP_NUM_THREADS"] == found["RAYON_NUM_THREADS"] == "3"
    assert found["HF_HUB_OFFLINE"] == "1"
    assert found["PYTHONPATH"].split(os.pathsep)[0] == str(turns.ROOT)


def test_only_stretches_that_count_do() -> None:
    spent = Stretches()
    _burn(0.05)
    spent.skip()
    _burn(0.02)
    spent.count()
    with measured() as took:
        _burn(0.02)
    assert 0.02 <= spent.figures()["processor_seconds"] < 0.05
    assert 0.02 <= took["processor_seconds"] < 0.05
    assert took["seconds"] >= took["processor_seconds"] * 0.9


def _burn(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


PEAK = """
from benchmarks.harness.clock import forget_peak, peak_bytes, resident_bytes
large = bytearray(b"x" * 80_000_000)
del large
forget_peak()
before = resident_bytes()
print(peak_bytes() - before)
held = bytearray(b"x" * 60_000_000)
print(peak_bytes() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells")
def test_the_peak_is_that_of_what_came_after() -> None:
    """In a new process: in this one an earlier training may have told malloc to keep its blocks."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK], env=turns.surroundings(1), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    idle, held = map(int, done.stdout.split())
    assert idle < 20_000_000
    assert 50_000_000 < held < 150_000_000
