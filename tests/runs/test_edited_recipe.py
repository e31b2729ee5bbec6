"""A run is resumed with the recipe that it was started with, whatever its recipe.yaml says now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.remedies.parse import actions
from helpers.support import reviews, write_csv
from helpers.wording import assert_wording

import hfdl
from hfdl.config.overrides import parse_overrides
from hfdl.errors import ConfigError, HfdlError
from hfdl.training.events import Event, Noted, Resumed, Updated

pytestmark = pytest.mark.usefixtures("without_report")

STEPS = 12


class StopError(Exception):
    """Raised by a listener: the run ends at once, as one that is killed."""


def stop(event: Event) -> None:
    if isinstance(event, Updated) and event.step == 8:
        raise StopError


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A run of twelve updates that was killed in its eighth, with a checkpoint of the sixth."""
    folder = tmp_path_factory.mktemp("edited")
    settings = {
        "data.train": str(write_csv(folder / "reviews.csv", reviews(120))),
        "model.name": str(tiny_bert), "data.max_length": 32,
        "train.steps": STEPS, "train.save_every": 3, "train.batch_size": 8,
        "train.learning_rate": 1e-3, "train.precision": "float32", "tune.lora.r": 4,
    }  # fmt: skip
    with pytest.raises(StopError):
        hfdl.train("sentiment", settings, output=folder / "run", listener=stop)
    return folder / "run"


@pytest.fixture
def run(started: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(started, tmp_path / "run"))


def edit(run: Path, section: str, **changes: Any) -> dict[str, Any]:
    """Edits a section of recipe.yaml; ``...`` takes a key out. Gives the recipe before."""
    file = run / "recipe.yaml"
    before = yaml.safe_load(file.read_text())
    after = yaml.safe_load(file.read_text())
    for key, value in changes.items():
        after[section].pop(key) if value is ... else after[section].update({key: value})
    file.write_text(yaml.safe_dump(after))
    return before


def resume(run: Path, overrides: dict[str, Any] | None = None) -> list[Event]:
    seen: list[Event] = []
    hfdl.train(run, overrides, output=run, resume=True, listener=seen.append)
    return seen


EDITS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "seed": ("train", {"seed": 5}, ["train.seed is 5 and was 0"]),
    "rate": ("train", {"learning_rate": 0.01}, ["train.learning_rate is 0.01 and was 0.001"]),
    "several": ("train", {"learning_rate": 0.01, "batch_size": 4, "steps": 90}, [
        "train.learning_rate is 0.01 and was 0.001", "train.batch_size is 4 and was 8",
        "train.steps is 90 and was 12"]),
    "schedule": ("train", {"schedule": "cosine"}, ["train.schedule is 'cosine' and was 'linear'"]),
    "a key taken out": ("train", {"batch_size": ...}, ["train.batch_size is 32 and was 8"]),
    "evaluations": ("train", {"evaluate_every": 2}, ["train.evaluate_every is 2 and was None"]),
    "max_length": ("data", {"max_length": 16}, ["data.max_length is 16 and was 32"]),
    "labels": ("data", {"labels": ["positive", "negative"]}, ["data.labels is ['positive'"]),
    "adapters off": ("tune", {"lora": None}, ["tune.lora.r is None and was 4"]),
    "adapters of another size": ("tune", {"lora": {"r": 2}}, ["tune.lora.r is 2 and was 4"]),
    "a section on": ("tune", {"class_weights": {"positive": 2.0}}, ["tune.class_weights is {"]),
    "another kind of model": (
        "model", {"name": "hfdl://lstm", "config": {"hidden_size": 8}},
        ["model.name is 'hfdl://lstm' and was", "model.config is {'hidden_size': 8} and was None"]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_recipe_is_refused_and_its_remedy_goes_on(name: str, run: Path) -> None:
    section, changes, said = EDITS[name]
    before = edit(run, section, **changes)
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError) as caught:
        resume(run)
    assert all(part in str(caught.value) for part in said), str(caught.value)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == files
    put_back = actions(caught.value.remedy or "")[0].keys
    seen = resume(run, parse_overrides(put_back))
    assert [event.step for event in seen if isinstance(event, Resumed)] == [6]
    assert yaml.safe_load((run / "recipe.yaml").read_text()) == before


def test_its_words(run: Path) -> None:
    edit(run, "train", seed=5)
    with pytest.raises(ConfigError) as caught:
        resume(run)
    assert_wording(caught.value)


def test_comments_moved_data_and_what_listens_are_no_other_recipe(
    run: Path, started: Path, tmp_path: Path
) -> None:
    moved = shutil.copy(started.parent / "reviews.csv", tmp_path / "moved.csv")
    edit(run, "data", train=str(moved))
    edit(run, "train", keep_checkpoints=1)
    file = run / "recipe.yaml"
    file.write_text("# mine\n" + file.read_text())
    assert [event.step for event in resume(run) if isinstance(event, Resumed)] == [6]
    assert yaml.safe_load(file.read_text())["data"]["train"] == str(moved)


def test_an_edited_file_that_it_was_started_from_is_named(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "task: text_classification\nmodel: {name: bert}\ntrain: {learning_rate: 0.5, steps: 12}\n"
    )
    seen: list[Event] = []
    hfdl.train(mine, output=run, resume=True, listener=seen.append)
    notes = [event.text for event in seen if isinstance(event, Noted)]
    (said,) = [text for text in notes if str(mine) in text]
    assert said.startswith(
        f"the run goes on as it was started, whatever {mine} says of model.name "
    )
    assert said.endswith("train.learning_rate (0.5 there, 0.001 in the run)")


def test_a_finished_run_is_not_reported_with_another_recipe(run: Path) -> None:
    resume(run)
    assert json.loads((run / "metrics.json").read_text())["runtime"]["steps"] == STEPS
    edit(run, "train", learning_rate=0.5)
    with pytest.raises(ConfigError, match=r"train\.learning_rate is 0\.5 and was 0\.001"):
        resume(run)


def test_without_a_checkpoint_it_starts_from_the_beginning_as_the_file_says(run: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    edit(run, "train", steps=2)
    resume(run)
    assert json.loads((run / "metrics.json").read_text())["runtime"]["steps"] == 2


def test_the_same_change_given_twice_is_refused_too(run: Path) -> None:
    edit(run, "train", seed=5)
    with pytest.raises(HfdlError, match=r"train\.seed is 5 and was 0"):
        resume(run, {"train.seed": 5})
    with pytest.raises(HfdlError, match=r"train\.seed is 0 in the run and 9 now"):
        resume(run, {"train.seed": 9})
