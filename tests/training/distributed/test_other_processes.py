"""A run goes on with another number of processes, and by the other strategy, as it would have."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tuned_tasks
from helpers.once import once
from helpers.together import Job, run, run_together
from helpers.tuned_tasks import Bodies
from safetensors.torch import load_file

STEPS, STOP = 9, 5
WAYS = {
    # name: (processes and strategy until the stop, and after it)
    "fsdp, 2 to 1": ((2, "fsdp"), (1, "fsdp")),
    "fsdp, 1 to 2": ((1, "fsdp"), (2, "fsdp")),
    "ddp, 2 to 1": ((2, "ddp"), (1, "ddp")),
    "ddp, 1 to 2": ((1, "ddp"), (2, "ddp")),
    "ddp to fsdp": ((2, "ddp"), (2, "fsdp")),
    "fsdp to ddp": ((2, "fsdp"), (2, "ddp")),
    "fsdp": ((2, "fsdp"), (2, "fsdp")),
}
TASKS = ("text_classification", "causal_lm")  # with a head of its own, and with a tied one


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path, tiny_gpt2: Path
) -> dict[tuple[str, str], Path]:
    """The folder of each way, and of runs that were not stopped."""
    with once(tmp_path_factory, "others") as (place, is_first):
        return made_in(place, is_first, Bodies(tiny_bert, tiny_gpt2))


def made_in(place: Path, is_first: bool, bodies: Bodies) -> dict[tuple[str, str], Path]:
    folders: dict[tuple[str, str], Path] = {}
    before: dict[int, list[Job]] = {1: [], 2: []}
    after: dict[int, list[Job]] = {1: [], 2: []}
    for task in TASKS:
        made = tuned_tasks.make(
            task, place / task, bodies, "hfdl", train__steps=STEPS,
            train__evaluate_every=2, train__learning_rate=1e-3,
        )  # fmt: skip
        made.settings["model.name"] = str(without_dropout(made.start, place / f"{task}-model"))

        def job(name: str, strategy: str, task: str = task, made: Any = made, **more: Any) -> Job:
            folder = folders.setdefault((task, name), place / f"{task} {name}")
            settings = {**made.settings, "train.strategy": strategy}
            if more.get("resume"):
                settings = {"train.strategy": strategy}
            return Job(made.recipe, settings, str(folder), **more)

        for name, ((one, first), (other, second)) in WAYS.items():
            before[one].append(job(name, first, stop_after=STOP))
            after[other].append(job(name, second, resume=True))
        before[1].append(job("straight", "ddp"))
        before[2].append(job("straight, sharded", "fsdp"))
    for stage, jobs in (("before", before), ("after", after)) if is_first else ():
        for each in jobs[1]:
            run(each)
        run_together(jobs[2], place / stage)
    return folders


def without_dropout(source: Path, target: Path) -> Path:
    """A copy of a model: others use the one that it is of."""
    if not target.exists():
        shutil.copytree(source, target)
        tuned_tasks.without_dropout(target)
    return target


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := json.loads(line))["event"] == kind]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("way", WAYS)
def test_it_ends_as_one_that_was_not_stopped(
    task: str, way: str, runs: dict[tuple[str, str], Path]
) -> None:
    folder, straight = runs[task, way], runs[task, "straight"]
    a, b = records(straight, "update"), records(folder, "update")
    assert [one["step"] for one in b] == list(range(1, STEPS + 1))
    for one, other in zip(a, b, strict=True):
        assert (one["examples"], one["tokens"]) == (other["examples"], other["tokens"])
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-6)
    said = [json.loads((run / "metrics.json").read_text()) for run in (straight, folder)]
    assert said[1]["validation"] == pytest.approx(said[0]["validation"], rel=1e-6)
    (one, _), (other, strategy) = WAYS[way]
    notes = [record["text"] for record in records(folder, "note")]
    assert any("processes and goes on with" in note or "process and goes on with" in note
               for note in notes) == (one != other)  # fmt: skip
    assert f"strategy: {strategy}" in (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert [record["processes"] for record in records(folder, "plan")] == [one, other]


@pytest.mark.parametrize("task", TASKS)
def test_a_sharded_run_is_the_same_to_the_last_bit(
    task: str, runs: dict[tuple[str, str], Path]
) -> None:
    folders = runs[task, "fsdp"], runs[task, "straight, sharded"]
    a, b = (load_file(folder / "model.safetensors") for folder in folders)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
