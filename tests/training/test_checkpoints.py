"""The folder of checkpoints after damage, strays and kills: what is whole is gone on from."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import log_of
from helpers.wording import assert_wording
from safetensors.torch import load_file, save_file

import hfdl
from hfdl.errors import CheckpointError
from hfdl.training.events import Event, Interrupted, Noted, Resumed, Updated
from hfdl.training.files import MANIFEST, atomic_folder

pytestmark = pytest.mark.usefixtures("without_report")

# Evaluations that only get worse after the first: a learning rate that grows too large.
BEST_IS_OLD = {
    "train.steps": 20, "train.epochs": 5, "train.evaluate_every": 4, "train.save_every": 4,
    "train.best_metric": "loss", "train.learning_rate": 1e-3, "train.keep_checkpoints": 2,
}  # fmt: skip
STOP = 18


class Watch:
    """Notes lines, where a run went on, and its updates; may stop it."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.notes, self.resumed = stop, list[str](), list[int]()
        self.updates = list[int]()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Noted):
            self.notes.append(event.text)
        elif isinstance(event, Resumed):
            self.resumed.append(event.step)
        elif isinstance(event, Updated):
            self.updates.append(event.step)
            if event.step == self.stop:
                signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def old_best(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``old_best(8)``: the evaluation after update 8 is the best one."""
    from hfdl.training import loop

    def choose(best: int) -> None:
        note_best = loop.Loop._note_best

        def pretend(self: Any, metrics: dict[str, float]) -> bool:
            step = self.progress.step
            return note_best(self, {**metrics, "loss": abs(step - best) + 0.001})

        monkeypatch.setattr(loop.Loop, "_note_best", pretend)

    return choose


def stopped(settings: dict[str, Any], run: Path, **more: Any) -> None:
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", {**settings, **BEST_IS_OLD, **more}, output=run,
                   listener=Watch(STOP))  # fmt: skip


def resumed(run: Path) -> Watch:
    watch = Watch()
    hfdl.train("sentiment", output=run, resume=True, listener=watch)
    return watch


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def equal(a: Path, b: Path) -> bool:
    one, two = load_file(a / "model.safetensors"), load_file(b / "model.safetensors")
    assert one.keys() == two.keys()
    return all(torch.equal(one[name], two[name]) for name in one)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "flipped": lambda best: flip(best / "model.safetensors"),
    "cut": lambda best: cut(best / "model.safetensors"),
    "emptied": lambda best: (best / "model.safetensors").write_bytes(b"") and None,
    "file removed": lambda best: (best / "model.safetensors").unlink(),
    "folder removed": shutil.rmtree,
    "manifest removed": lambda best: (best / MANIFEST).unlink(),
    "manifest cut": lambda best: cut(best / MANIFEST),
    "a file more": lambda best: (best / "more").touch(),
}


# ---- Best weights that are damaged ---------------------------------------------------------------


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_of_the_best_weights_takes_the_checkpoints_along(
    damage: str, settings: dict[str, Any], tmp_path: Path, old_best: Callable[[int], None]
) -> None:
    old_best(8)  # whose own checkpoint is gone by update 18
    run = tmp_path / "run"
    stopped(settings, run)
    assert names(run) == ["best-000008", "step-000016", "step-000018"]
    DAMAGES[damage](run / "checkpoints" / "best-000008")
    watch = resumed(run)
    assert watch.resumed == [18]
    assert watch.updates == [19, 20]
    (line,) = [text for text in watch.notes if "no whole checkpoint holds the best weights" in text]
    assert "going on from update 18 without them" in line
    assert not any("starting from the beginning" in text for text in watch.notes)
    best = json.loads((run / "metrics.json").read_text())["best"]
    assert best["step"] == 20  # where the next evaluation was due


def test_eight_damages() -> None:
    assert len(DAMAGES) == 8


def test_best_weights_are_made_again_from_the_checkpoint_of_their_update(
    settings: dict[str, Any], tmp_path: Path, old_best: Callable[[int], None]
) -> None:
    old_best(16)
    chosen = {**settings, **BEST_IS_OLD, "train.evaluate_every": 2}
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=Watch())
    run = tmp_path / "run"
    stopped(settings, run, **{"train.evaluate_every": 2})
    flip(run / "checkpoints" / "best-000016" / "model.safetensors")
    watch = resumed(run)
    assert watch.resumed == [18]
    assert any("made again from step-000016" in text for text in watch.notes)
    assert equal(run, tmp_path / "straight")


def test_an_older_checkpoint_whose_best_weights_are_whole_ends_as_the_straight_run(
    settings: dict[str, Any], tmp_path: Path, old_best: Callable[[int], None]
) -> None:
    old_best(15)
    chosen = {**settings, **BEST_IS_OLD, "train.evaluate_every": 5}
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=Watch())
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=run, listener=Watch(16))
    assert names(run) == ["best-000010", "best-000015", "step-000012", "step-000016"]
    flip(run / "checkpoints" / "best-000015" / "model.safetensors")
    watch = resumed(run)
    assert watch.resumed == [12]
    assert equal(run, tmp_path / "straight")


def test_damage_found_at_the_end_is_mended_by_the_remedy_that_is_given(
    settings: dict[str, Any], tmp_path: Path, old_best: Callable[[int], None]
) -> None:
    old_best(8)
    run = tmp_path / "run"

    def damage(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 19:
            flip(run / "checkpoints" / "best-000008" / "model.safetensors")

    with pytest.raises(CheckpointError) as caught:
        hfdl.train("sentiment", {**settings, **BEST_IS_OLD}, output=run, listener=damage)
    assert_wording(caught.value)
    assert resumed(run).resumed == [20]
    assert (run / "model.safetensors").is_file()


# ---- What does not belong there ------------------------------------------------------------------


def test_strays_and_copies_are_left_alone(settings: dict[str, Any], tmp_path: Path) -> None:
    chosen = {**settings, "train.steps": 12, "train.save_every": 3}
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=Watch())
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=run, listener=Watch(7))
    folder = run / "checkpoints"
    strays = ["step-old", "step-", "step-000006 (copy)", "step-000006.bak", "step-6", "best-of-all",
              "best-000003 copy", "notes", ".cache", "step-000099.tmp"]  # fmt: skip
    for name in strays:
        shutil.copytree(folder / "step-000006", folder / name)
    shutil.copytree(folder / "step-000006", folder / "step-000011")  # of another update by its name
    (folder / "step-000050").write_text("a file")
    (folder / "README").write_text("mine")
    watch = resumed(run)
    assert watch.resumed == [7]
    assert {*strays, "README", "step-000050"} < set(names(run))
    assert equal(run, tmp_path / "straight")


def test_a_damaged_newer_checkpoint_does_not_push_out_whole_ones(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 14, "train.save_every": 3, "train.keep_checkpoints": 1}
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=Watch())
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", {**chosen, "train.keep_checkpoints": 2}, output=run,
                   listener=Watch(13))  # fmt: skip
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("keep_checkpoints: 2", "keep_checkpoints: 1"))
    assert names(run)[-2:] == ["step-000012", "step-000013"]
    (run / "checkpoints" / "step-000012").rename(run / "checkpoints" / "step-000012.off")
    shutil.copytree(run / "checkpoints" / "step-000012.off", tmp_path / "step-000012")
    (run / "checkpoints" / "step-000012.off").rename(run / "checkpoints" / "step-000012")
    flip(run / "checkpoints" / "step-000013" / "optimizer.safetensors")
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", output=run, resume=True, listener=Watch(13))
    assert [name for name in names(run) if name.startswith("step")] == ["step-000013"]
    assert resumed(run).resumed == [13]
    assert equal(run, tmp_path / "straight")


def rewrite(folder: Path, change: Callable[[Path], None]) -> None:
    """Change the files of a checkpoint, manifest included: it stays whole."""
    old = folder.with_name("old")
    folder.rename(old)
    with atomic_folder(folder) as aside:
        for file in old.iterdir():
            if file.name != MANIFEST:
                shutil.copy(file, aside)
        change(aside)
    shutil.rmtree(old)


def edit_state(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "state.json"
        state = json.loads(file.read_text())
        file.write_text(json.dumps(change(state) or state))

    return edit


FOREIGN: dict[str, Callable[[Path], None]] = {
    "no format": edit_state(lambda state: state.pop("format") and None),
    "a later format": edit_state(lambda state: state.update(format=99)),
    "no step": edit_state(lambda state: state.pop("step") and None),
    "another step": edit_state(lambda state: state.update(step=3)),
    "a list": edit_state(lambda state: [1, 2]),
    "a number": edit_state(lambda state: 7),
    "no state": lambda folder: (folder / "state.json").unlink(),
    "no optimizer": lambda folder: (folder / "optimizer.safetensors").unlink(),
    "no random state": lambda folder: (folder / "random.safetensors").unlink(),
    "weights of no format": lambda f: (f / "model.safetensors").write_text("weights") and None,
    "a state that is no JSON": lambda f: (f / "state.json").write_text("{step: 1}") and None,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_checkpoint_of_another_program_is_passed_over_and_alone_refused(
    kind: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 9, "train.save_every": 3}
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=run, listener=Watch(7))
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    for name in ("step-000006", "step-000007"):
        rewrite(copy / "checkpoints" / name, FOREIGN[kind])
    before = names(copy)
    with pytest.raises(CheckpointError) as caught:
        resumed(copy)
    assert_wording(caught.value)
    assert names(copy) == before
    rewrite(run / "checkpoints" / "step-000007", FOREIGN[kind])
    watch = resumed(run)
    assert watch.resumed == [6]
    assert any(
        "step-000007 is damaged (it is of another version of hfdl)" in t for t in watch.notes
    )


def test_tensors_of_another_model_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", {**settings, "train.steps": 9}, output=run, listener=Watch(4))

    def other(folder: Path) -> None:
        save_file({"weight": torch.zeros(3)}, folder / "model.safetensors")

    rewrite(run / "checkpoints" / "step-000004", other)
    with pytest.raises(CheckpointError, match="tensors do not fit the model"):
        resumed(run)


def test_a_checkpoint_of_transformers_code_is_not_resumed_in_hfdls(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """As of a run begun with ``auto`` before that meant hfdl's own code."""
    run = tmp_path / "run"
    theirs = {**settings, "train.steps": 9, "model.implementation": "hf"}
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", theirs, output=run, listener=Watch(4))
    held = load_file(run / "checkpoints" / "step-000004" / "model.safetensors")
    other = tmp_path / "other"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", {**settings, "train.steps": 9}, output=other, listener=Watch(4))
    rewrite(
        other / "checkpoints" / "step-000004",
        lambda folder: save_file(held, folder / "model.safetensors"),
    )
    with pytest.raises(CheckpointError) as caught:
        resumed(other)
    assert_wording(caught.value)


# ---- No checkpoint yet ---------------------------------------------------------------------------


class Killed(BaseException):
    """What stops a run at once, as a kill does."""


@pytest.mark.parametrize(
    "more", [{}, {"train.evaluate_at_start": True}, {"train.evaluate_every": 2}]
)
def test_a_run_killed_before_its_first_checkpoint_logs_each_update_once(
    more: dict[str, Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 8, "train.save_every": 8, **more}

    def kill(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 5:
            raise Killed

    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=Watch())
    run = tmp_path / "run"
    with pytest.raises(Killed):
        hfdl.train("sentiment", chosen, output=run, listener=kill)
    with (run / "log.jsonl").open("a") as log:
        log.write('{"time": "2026-01-01", "event": "upd')  # a line that the kill cut short
    watch = resumed(run)
    assert "no checkpoint was saved yet: starting from the beginning" in watch.notes
    for kind in ("update", "evaluation"):
        steps = [record["step"] for record in log_of(run, kind)]
        assert steps == [record["step"] for record in log_of(tmp_path / "straight", kind)]
    assert len(log_of(run, "plan")) == 2  # that of the killed run stays
    assert equal(run, tmp_path / "straight")


def test_where_no_checkpoint_is_whole_the_line_says_so(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 9, "train.save_every": 3}
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=run, listener=Watch(7))
    for folder in (run / "checkpoints").glob("step-*"):
        flip(folder / "model.safetensors")
    watch = resumed(run)
    assert "no checkpoint is whole: starting from the beginning" in watch.notes
    assert watch.updates == list(range(1, 10))
    assert [record["step"] for record in log_of(run, "update")] == list(range(1, 10))
