"""A worker of a study: one trial after another, then the runs on fresh seeds.

Any number of processes may do this on one study. Each takes what nobody does: the locks are files
that the kernel lets go of when a process ends, however it ends.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.config.load import load_recipe
from hfdl.config.schema import Recipe
from hfdl.errors import HfdlError, OutputError
from hfdl.runs.lock import held
from hfdl.runs.outputs import RECIPE
from hfdl.search.fresh_seeds import fresh_seeds
from hfdl.search.layout import SIDES, Layout
from hfdl.search.lines import trial_line
from hfdl.search.objective import (
    Watching,
    discard_checkpoints,
    do_trial,
    is_finished,
    reason_of,
    train_run,
)
from hfdl.search.plan import Plan
from hfdl.search.signals import Watch
from hfdl.search.storage import Storage
from hfdl.training.events import Interrupted, Listener, Noted
from hfdl.training.files import write_json

FAILED = "failed.json"
"""In the folder of a run on a fresh seed that failed: the reason."""
_POLL = 0.2  # seconds between two looks at what other workers have left


@dataclass(frozen=True)
class Job:
    """A run that is made once the winner is known.

    Args:
        name: for its lock, and in words.
        folder: where it goes.
        recipe: what is trained.
    """

    name: str
    folder: Path
    recipe: Recipe


@dataclass(frozen=True)
class Worker:
    """What a worker needs.

    Args:
        plan, layout, storage: of the study.
        objects: data given from Python, by key.
        tell: takes the lines.
        watch: the signals.
    """

    plan: Plan
    layout: Layout
    storage: Storage
    objects: Mapping[str, Any]
    tell: Listener
    watch: Watch

    def work(self) -> None:
        """Do all that is left, and wait for what others do.

        Raises:
            Interrupted: a signal came.
        """
        self._do_trials()
        if self.storage.best() is not None:
            self._do_jobs()

    def has_work(self) -> bool:
        """Whether a trial, or a run that is made once the winner is known, has not ended."""
        storage = self.storage
        if storage.is_running() or len(storage.trials()) < self.plan.trials:
            return True
        return storage.best() is not None and not all(map(_has_ended, self.jobs()))

    def _do_trials(self) -> None:
        timeout = self.plan.recipe.study.timeout
        began = time.monotonic()
        while True:
            self.watch.stop_if_asked(self.layout.folder)
            begins = timeout is None or time.monotonic() - began < timeout
            with self.storage.claim(begins=begins) as claimed:
                if claimed is not None:
                    study = self.storage.study
                    do_trial(study, claimed, self.plan, self.layout, self.objects, self.watch)
                    self.tell(Noted(trial_line(self.storage, claimed.number)))
                    continue
            if not self.storage.is_running():
                return
            time.sleep(_POLL)

    def _do_jobs(self) -> None:
        while True:
            left = [job for job in self.jobs() if not _has_ended(job)]
            if not left:
                return
            self.watch.stop_if_asked(self.layout.folder)
            if not any(self._do(job) for job in left):
                time.sleep(_POLL)

    def jobs(self) -> Iterator[Job]:
        """The winner, where only its folds have been trained; and both sides on fresh seeds."""
        best = self.storage.best()
        assert best is not None
        winner = self.plan.of_trial(self.storage.settings(best))
        if self.plan.folds is not None:
            yield Job("the winner", self.layout.best, winner)
        for seed in fresh_seeds(self.plan.recipe, self.plan.space):
            for side, recipe in zip(SIDES, (winner, self.plan.base), strict=True):
                own = load_recipe(recipe, {"train.seed": seed[SIDES.index(side)]})
                number = own.train.seed
                yield Job(f"{side} with seed {number}", self.layout.fresh(side, number), own)

    def _do(self, job: Job) -> bool:
        """Make a run, if nobody else does; whether it was."""
        with ExitStack() as stack:
            try:
                claim = self.layout.claim(job.name.replace(" ", "-"))
                stack.enter_context(held(claim, patience=0.0))
            except OutputError:
                return False
            if _has_ended(job):
                return True
            _empty_of_another(job)
            try:
                listener = Watching(job.name, self.watch)
                # The winner's report is made once its out-of-fold predictions lie beside it.
                train_run(job.recipe, job.folder, self.objects, listener, report=False)
            except Interrupted:
                raise
            except Exception as error:
                job.folder.mkdir(parents=True, exist_ok=True)
                write_json(job.folder / FAILED, {"reason": reason_of(error)})
            discard_checkpoints(job.folder)
            assert _has_ended(job), job.folder  # else it would be made again and again
        return True


def failure_of(folder: Path) -> str | None:
    """Why a run on a fresh seed failed; None: it did not."""
    path = folder / FAILED
    return json.loads(path.read_text(encoding="utf-8"))["reason"] if path.is_file() else None


def _has_ended(job: Job) -> bool:
    ended = is_finished(job.folder) or (job.folder / FAILED).is_file()
    return ended and _is_of(job)


def _is_of(job: Job) -> bool:
    """Whether the folder's run is of this recipe: an earlier winner's was of another."""
    if not (job.folder / RECIPE).is_file():
        return True
    try:
        return load_recipe(job.folder) == job.recipe
    except HfdlError:
        return False


def _empty_of_another(job: Job) -> None:
    if job.folder.is_dir() and not _is_of(job):
        shutil.rmtree(job.folder)
