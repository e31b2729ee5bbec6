"""Real trainings are killed and resumed, and what differs would be told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.kills import command, trial
from benchmarks.kills.command import table
from benchmarks.kills.configurations import CONFIGURATIONS, Configuration
from benchmarks.kills.trial import Kill, Straight
from hfdl.config.load import load_recipe
from hfdl.tasks.registry import TASKS


def test_the_configurations_cover_every_task() -> None:
    assert {load_recipe(one.recipe, {"data.train": "x"}).task for one in CONFIGURATIONS} == {*TASKS}
    assert len({one.name for one in CONFIGURATIONS}) == len(CONFIGURATIONS) >= 12


def kill(words: list[str], output: Path) -> list[dict]:
    assert main(["kills", *words, "--jobs", "1", "--output", str(output)]) == 0
    rows = json.loads(output.read_text())["rows"]
    for row in rows:
        assert row["different"] == row["failed"] == []
        assert sum(one["lost"] for one in row["kills"]) == 0
    return rows


def test_killed_trainings_end_as_those_that_were_not(tmp_path: Path) -> None:
    (row,) = kill(
        ["--only", "texts, accumulation", "--count", "3", "--seed", "1"], tmp_path / "kills.json"
    )
    assert row["name"] == "texts, accumulation"
    assert len(row["kills"]) >= 3
    assert any(0 < one["update"] < 24 for one in row["kills"])  # in the midst of training


@pytest.mark.slow
def test_every_configuration(tmp_path: Path) -> None:
    rows = kill(["--count", str(2 * len(CONFIGURATIONS))], tmp_path / "kills.json")
    assert len(rows) == len(CONFIGURATIONS)
    assert sum(len(row["kills"]) for row in rows) >= 2 * len(CONFIGURATIONS)


def test_what_differs_and_what_fails_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Straight({"model.safetensors": "a", "metrics.json": "b"}, 1.0, 0.5)
    states = [dict(known.state), {**known.state, "model.safetensors": "c"}, {}]
    monkeypatch.setattr(command, "killed", lambda *_: Kill(9, 6, True, 0.1))
    monkeypatch.setattr(command, "straight", lambda *_: known)
    monkeypatch.setattr(command, "state_of", lambda run: states.pop(0))

    def finish(*_: object) -> None:
        if not states:
            raise trial.SideFailed("it does not end well")

    monkeypatch.setattr(command, "finish", finish)
    monkeypatch.setattr(command, "KILLS_OF_A_RUN", (1,))
    row = command.configuration_row(Configuration("x", "sentiment"), 4, 0, tmp_path)
    assert row["different"] == [["model.safetensors"], ["model.safetensors", "metrics.json"]]
    assert row["failed"] == ["it does not end well"]
    assert table([row])[-1] == "| **all** | 4 | 4 | 4 | 1 | 1 | 8 |"


def test_what_a_killed_run_left_is_read(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "checkpoints" / "step-000004").mkdir(parents=True)
    (run / "checkpoints" / ".writing-step-000005").mkdir()
    lines = [{"event": "update", "step": step} for step in range(1, 6)]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"eve')
    assert trial.logged_updates(run) == [1, 2, 3, 4, 5]
    assert len(trial.half_written(run)) == 1
    assert Kill(5, 4, True, 1.0).lost == 0
    assert Kill(5, 3, True, 1.0).lost == 1
