"""Checkpoints: safetensors and JSON, whole or absent, never a pickle.

    checkpoints/
      step-000217/   model.safetensors optimizer.safetensors random.safetensors
                     state.json recipe.yaml
      best-000217/   model.safetensors

each with a manifest.json.

A checkpoint is written aside, synced, given a manifest with checksums, renamed into place; only
then are older ones removed. On resume the newest one whose checksums hold is taken.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hfdl.errors import CheckpointError, to_resume
from hfdl.training.files import atomic_folder, damage, is_as_written, remove_leftovers
from hfdl.training.tensors import Tensors

FORMAT = 1
"""Of what a checkpoint holds: one of another number is not gone on from."""

_FLOAT = "float"
_RECIPE = "recipe.yaml"
_NAME = re.compile(r"(step|best)-(\d{6,})")


@dataclass
class Snapshot:
    """Everything that a run is at one moment, apart from its recipe and data."""

    step: int
    model: Tensors
    optimizer: Tensors
    random: Tensors
    state: dict[str, Any]


class Checkpoints:
    """The ``checkpoints`` folder of a run.

    Args:
        folder: the folder; made when something is first saved.
        keep: how many of the latest ``step-*`` are kept.
        recipe: the run's, as YAML. Each snapshot holds it, for the one in the run's folder is a
            file that people edit. Default: none does.
    """

    def __init__(self, folder: Path, keep: int, recipe: str = "") -> None:
        self.folder = folder
        self.keep = keep
        self.recipe = recipe

    def save(self, snapshot: Snapshot, best_step: int | None) -> Path:
        """Save a snapshot, then remove what is no longer needed."""
        path = self._path("step", snapshot.step)
        with atomic_folder(path) as aside:
            save_file(snapshot.model, aside / "model.safetensors", {"format": "pt"})
            save_file(snapshot.optimizer, aside / "optimizer.safetensors")
            save_file(snapshot.random, aside / "random.safetensors")
            state = {"format": FORMAT, "step": snapshot.step, **snapshot.state}
            text = json.dumps(_encoded(state), indent=2, allow_nan=False) + "\n"
            (aside / "state.json").write_text(text, encoding="utf-8")
            if self.recipe:
                (aside / _RECIPE).write_text(self.recipe, encoding="utf-8")
        self._prune(snapshot.step, best_step)
        return path

    def save_best(self, step: int, model: Tensors) -> Path:
        """Save the weights of the best evaluation so far."""
        path = self._path("best", step)
        with atomic_folder(path) as aside:
            save_file(model, aside / "model.safetensors", {"format": "pt"})
        return path

    def load_best(self, step: int) -> Tensors:
        """The weights that ``save_best`` wrote at ``step``.

        Raises:
            CheckpointError: they are absent or damaged.
        """
        path = self._path("best", step)
        if wrong := damage(path):
            raise CheckpointError(
                f"the best weights are damaged: {wrong}",
                where=str(path),
                rule="a checkpoint must match its manifest",
                remedy=f"go on from what is whole: {to_resume(self.folder.parent)}",
            )
        return load_file(path / "model.safetensors")

    def latest(self) -> tuple[Snapshot | None, list[str]]:
        """The newest whole snapshot, and lines about what is damaged.

        One whose best weights are damaged is passed over for an older one whose are whole: what was
        done since is done again, and the run ends as it would have. Where there is none the newest
        is taken without them, and the best are chosen anew from there.

        Raises:
            CheckpointError: all that are whole are of another version of hfdl.
        """
        notes: list[str] = []
        without_best: Snapshot | None = None
        is_foreign = False
        for path in reversed(self._steps()):
            if wrong := damage(path):
                notes.append(_passed_over(path, wrong))
                continue
            snapshot = _load(path)
            if snapshot is None:
                is_foreign = True
                notes.append(_passed_over(path, "it is of another version of hfdl"))
                continue
            if (wrong := self._repaired_best(snapshot, notes)) is None:
                return snapshot, notes
            notes.append(_passed_over(path, f"its best weights: {wrong}"))
            without_best = without_best or snapshot
        if without_best is not None:
            return _forget_best(without_best), [*notes, _chosen_anew(without_best.step)]
        if is_foreign:
            raise CheckpointError(
                "its checkpoints are of another version of hfdl",
                where=str(self.folder),
                rule=f"this one reads format {FORMAT}",
                remedy="continue with the version that began the run, or start it again with "
                "--overwrite in place of --resume",
            )
        return None, notes

    def _repaired_best(self, snapshot: Snapshot, notes: list[str]) -> str | None:
        """What is wrong with a snapshot's best weights; None once they are whole.

        A snapshot of the moment when they were the best holds the same weights.
        """
        step = snapshot.state.get("best_step")
        if step is None or (wrong := damage(self._path("best", step))) is None:
            return None
        name, source = self._path("best", step).name, self._path("step", step)
        whole = None if damage(source) else _load(source)
        if whole is None:
            return f"{name}: {wrong}"
        self.save_best(step, whole.model)
        notes.append(f"{name} was damaged ({wrong}); made again from {source.name}")
        return None

    def recipe_file(self) -> Path | None:
        """The recipe that the run was started with; None where no snapshot holds a whole one."""
        steps = reversed(self._steps())
        return next((path / _RECIPE for path in steps if is_as_written(path, _RECIPE)), None)

    def tidy(self) -> None:
        """Keep the last snapshot alone, once the best weights stand in the run's own folder."""
        for path in [*self._steps()[:-1], *self._named("best")]:
            shutil.rmtree(path)

    def _steps(self) -> list[Path]:
        """The folders of all snapshots, oldest first."""
        return self._named("step")

    def _named(self, kind: str) -> list[Path]:
        """The folders that ``save`` or ``save_best`` wrote, by step; what else is there stays."""
        named = [p for p in self.folder.glob(f"{kind}-*") if _NAME.fullmatch(p.name) and p.is_dir()]
        return sorted((p for p in named if p == self._path(kind, _step_of(p))), key=_step_of)

    def _path(self, kind: str, step: int) -> Path:
        return self.folder / f"{kind}-{step:06d}"

    def _prune(self, step: int, best_step: int | None) -> None:
        remove_leftovers(self.folder)
        # One of a later step is what a run left that went back to an older one.
        until = [path for path in self._steps() if _step_of(path) <= step]
        kept = until[-self.keep :]
        # An older checkpoint that is kept needs the best weights of its own time.
        best_steps = {best_step, *map(_best_step, kept)} - {None}
        needed = {self._path("best", step) for step in best_steps if step is not None}
        for path in [*set(self._steps()) - set(kept), *set(self._named("best")) - needed]:
            shutil.rmtree(path)


def _step_of(path: Path) -> int:
    return int(path.name.partition("-")[2])


def _best_step(path: Path) -> int | None:
    try:
        step = json.loads((path / "state.json").read_text(encoding="utf-8")).get("best_step")
    except (OSError, ValueError, AttributeError, RecursionError):  # it will never be resumed from
        return None
    return step if type(step) is int else None


def _load(path: Path) -> Snapshot | None:
    """A whole snapshot; None where another version of hfdl, or something else, wrote it."""
    try:
        text = (path / "state.json").read_text(encoding="utf-8")
        state = json.loads(text, object_hook=_decoded)
        if state.pop("format") != FORMAT or path.name != f"step-{state['step']:06d}":
            return None
        if type(state.get("best_step")) not in (int, type(None)):
            return None
        return Snapshot(
            step=state.pop("step"),
            model=load_file(path / "model.safetensors"),
            optimizer=load_file(path / "optimizer.safetensors"),
            random=load_file(path / "random.safetensors"),
            state=state,
        )
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
        SafetensorError,
    ):  # fmt: skip
        return None


def _encoded(value: Any) -> Any:
    """The value with floats that JSON has not (a schedule's best loss begins as infinite) named."""
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if isinstance(value, dict):
        return {key: _encoded(each) for key, each in value.items()}
    return [_encoded(each) for each in value] if isinstance(value, list | tuple) else value


def _decoded(value: dict[str, Any]) -> Any:
    return float(value[_FLOAT]) if value.keys() == {_FLOAT} else value


def _passed_over(path: Path, wrong: str) -> str:
    return f"checkpoint {path.name} is damaged ({wrong}); trying the one before it"


def _forget_best(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if no evaluation had been made yet: the one of this step is made again."""
    snapshot.state.update(best_step=None, best_value=None, not_better=0, evaluated_step=-1)
    return snapshot


def _chosen_anew(step: int) -> str:
    return (
        f"no whole checkpoint holds the best weights so far: going on from update {step} without "
        "them, and choosing the best from there on"
    )
