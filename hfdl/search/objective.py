"""One trial: trained, or continued, pruned at an evaluation, or failed with its reason."""

from __future__ import annotations

import contextlib
import gc
import json
import math
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.config.schema import Recipe
from hfdl.errors import HfdlError, TrainingError
from hfdl.progress import Progress, report
from hfdl.runs.outputs import METRICS, RECIPE
from hfdl.runs.run import Run, train
from hfdl.runs.seeds import finished_run
from hfdl.search.layout import Layout
from hfdl.search.plan import Plan
from hfdl.search.signals import Watch
from hfdl.search.storage import PRUNED, REASON, SECONDS, Claimed, quiet_optuna
from hfdl.training.events import Evaluated, Event, Interrupted, StopTraining, Updated
from hfdl.training.memory import forget_what_failed, is_out_of_memory

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial


class Watching:
    """A listener of one run: shows its progress, passes signals on, and may prune it.

    Args:
        what: the run, in words.
        watch: signals that came while no run could take them.
        trial: to be pruned; None: it runs to its end.
        plan: says what is compared.
    """

    def __init__(
        self, what: str, watch: Watch, trial: Trial | None = None, plan: Plan | None = None
    ) -> None:
        self._what, self._watch, self._trial, self._plan = what, watch, trial, plan

    def __call__(self, event: Event) -> None:
        self._watch.pass_on()
        if isinstance(event, Updated):
            report(Progress(self._what, event.step, event.steps, "updates"))
        elif isinstance(event, Evaluated) and event.split == "validation" and event.step:
            self._evaluated(event)

    def _evaluated(self, event: Evaluated) -> None:
        if self._trial is None or self._plan is None:
            return
        every = self._plan.base.train.evaluate_every
        number = math.ceil(event.step / every if every else event.epoch - 1e-9)
        prune_if_worse(self._trial, event.metrics[self._plan.metric], number)


def prune_if_worse(trial: Trial, value: float, number: int) -> None:
    """Tell the pruner of an intermediate value.

    Args:
        trial: whose it is.
        value: of the metric.
        number: of the evaluation, from 1.

    Raises:
        StopTraining: the trial is pruned.
    """
    if not math.isfinite(value):
        return
    with quiet_optuna():
        trial.report(value, number)  # once more after a kill: then it is what it was
        if trial.should_prune():
            trial.set_user_attr(PRUNED, number)
            raise StopTraining("pruned")


def do_trial(
    study: Study, claimed: Claimed, plan: Plan, layout: Layout, objects: Mapping[str, Any],
    watch: Watch,
) -> None:  # fmt: skip
    """Train a trial and tell the study what came of it.

    Args:
        study: Optuna's.
        claimed: the trial, this process's alone.
        plan, layout: of the study.
        objects: data given from Python, by the key that it stands for.
        watch: see ``Watching``.

    Raises:
        Interrupted: a signal came; the trial goes on from its checkpoint when it is claimed again.
    """
    trial, state, value = claimed.trial, "COMPLETE", None
    try:
        if PRUNED in trial.user_attrs:  # killed before it could be told
            raise StopTraining("pruned")
        value = _trained(claimed, plan, layout, objects, watch)
    except StopTraining:
        state = "PRUNED"
    except Interrupted:
        raise
    except Exception as error:
        state = "FAIL"
        trial.set_user_attr(REASON, reason_of(error))
    folder = layout.trial(claimed.number)
    trial.set_user_attr(SECONDS, seconds_of(folder))
    from optuna.trial import TrialState

    with quiet_optuna():
        study.tell(trial, value, TrialState[state])
    discard_checkpoints(folder)
    gc.collect()  # a model and its optimizer refer to each other


def _trained(
    claimed: Claimed, plan: Plan, layout: Layout, objects: Mapping[str, Any], watch: Watch
) -> float:
    what = f"trial {claimed.number}"
    if plan.folds is None:
        listener = Watching(what, watch, claimed.trial, plan)
        recipe = plan.of_trial(claimed.settings)
        folder, reports = layout.trial(claimed.number), plan.recipe.study.reports
        run = train_run(recipe, folder, objects, listener, report=reports)
        return value_of(run, plan.metric)
    values: list[float] = []
    for fold in range(plan.folds):
        listener = Watching(f"{what}, fold {fold + 1} of {plan.folds}", watch)
        recipe = plan.of_trial(claimed.settings, fold)
        run = train_run(recipe, layout.trial(claimed.number, fold), objects, listener)
        values.append(value_of(run, plan.metric))
        if fold + 1 < plan.folds:
            prune_if_worse(claimed.trial, statistics.fmean(values), fold + 1)
    return statistics.fmean(values)


def train_run(
    recipe: Recipe, folder: Path, objects: Mapping[str, Any], listener: Watching,
    *, report: bool = False,
) -> Run:  # fmt: skip
    """Train a recipe into a folder, or go on with the run that stands there."""
    if is_finished(folder):
        return finished_run(folder)
    resumes = (folder / RECIPE).is_file()
    return train(recipe, objects, output=folder, resume=resumes, report=report, listener=listener)


def value_of(run: Run, metric: str) -> float:
    """The metric of the saved model on the validation split.

    Raises:
        TrainingError: it is not a finite number.
    """
    value = run.metrics["validation"].get(metric, math.nan)
    if not math.isfinite(value):
        raise TrainingError(f"{metric} is not a finite number on validation")
    return value


def reason_of(error: Exception) -> str:
    """Why a trial failed, on one line."""
    if is_out_of_memory(error) or isinstance(error, MemoryError):
        forget_what_failed()
        return "memory did not suffice"
    if isinstance(error, TrainingError):  # its remedy would start a single run again
        error = TrainingError(error.problem, where=error.where, rule=error.rule)
    words = " ".join(str(error).split())
    return words if isinstance(error, HfdlError) else f"{type(error).__name__}: {words}"


def seconds_of(folder: Path) -> float:
    """How long the run in a folder, or the runs within it, trained, by their logs."""
    return sum(map(_seconds, _logs(folder)))


def _logs(folder: Path) -> Sequence[Path]:
    return [*folder.glob("log.jsonl"), *folder.glob("fold-*/log.jsonl")]


def _seconds(log: Path) -> float:
    latest = 0.0
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") in ("update", "end"):
                latest = max(latest, float(event["seconds"]))
    return latest


def discard_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of runs that have ended: nothing goes on from them."""
    for path in [folder / "checkpoints", *folder.glob("fold-*/checkpoints")]:
        if path.is_dir():
            shutil.rmtree(path)


def is_finished(folder: Path) -> bool:
    """Whether a run stands in a folder that has ended."""
    return (folder / METRICS).is_file()
