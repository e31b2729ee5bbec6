"""What a study leaves once its runs are made: the winner, the figures, the page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.config.yaml import dump_recipe
from hfdl.errors import TrainingError, listed
from hfdl.report import write_model_card, write_report
from hfdl.report.study import write_study_report
from hfdl.runs.lock import LOCK
from hfdl.search.distributions import settings_of
from hfdl.search.layout import BEST_RECIPE, OUT_OF_FOLD, REPORT, RESULT, Layout
from hfdl.search.objective import is_finished
from hfdl.search.out_of_fold import write_out_of_fold
from hfdl.search.plan import Plan
from hfdl.search.storage import REASON, SECONDS, Storage, quiet_optuna
from hfdl.search.study import Study, TrialRecord
from hfdl.search.verdict import judge
from hfdl.training.files import replace_text, write_json

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

CARD, LOG = "README.md", "log.jsonl"
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def finish(plan: Plan, layout: Layout, storage: Storage, memory: Mapping[str, Any]) -> Study:
    """Write best.yaml, best/, study.json and report.html.

    Args:
        plan, layout, storage: of the study, all of whose runs have ended.
        memory: data objects by marker.

    Raises:
        TrainingError: no trial came to its end.
    """
    trials = [record(trial, plan, layout) for trial in storage.trials()]
    winner = storage.best()
    if winner is None or winner.value is None:
        raise _nothing(trials, layout)
    settings = storage.settings(winner)
    best = plan.of_trial(settings)
    replace_text(layout.folder / BEST_RECIPE, dump_recipe(best, file=BEST_RECIPE))
    copied = plan.folds is None and _copy_run(layout.trial(winner.number), layout.best)
    if plan.folds is not None and is_finished(layout.best):
        write_out_of_fold(plan, layout, winner.number, settings, memory, layout.best / OUT_OF_FOLD)
    if is_finished(layout.best) and (copied or not (layout.best / CARD).is_file()):
        write_report(layout.best)  # of all that lies in the folder, out_of_fold.jsonl too
        write_model_card(layout.best)
    study = Study(
        layout.folder, plan.metric, plan.larger_is_better, plan.recipe.study.sampler,
        plan.recipe.study.pruner, plan.folds, trials, trials[winner.number],
        judge(plan, layout, settings, winner.value, memory), importance(storage), plan.facts,
        {domain.key: domain.text() for domain in plan.space},
    )  # fmt: skip
    found = {**study.as_dict(), "reports": plan.recipe.study.reports}
    write_json(layout.folder / RESULT, found)
    logs = [domain.key for domain in plan.space if domain.log]
    write_study_report(layout.folder / REPORT, found, study.verdict_lines(), logs)
    return study


def record(trial: FrozenTrial, plan: Plan, layout: Layout) -> TrialRecord:
    """A trial as study.json has it."""
    value = trial.value
    if value is None and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return TrialRecord(
        trial.number,
        _STATES.get(trial.state.name, "running"),
        value,
        settings_of(trial.params, plan.space),
        trial.user_attrs.get(SECONDS, 0.0),
        layout.trial(trial.number).relative_to(layout.folder).as_posix(),
        trial.user_attrs.get(REASON),
        dict(trial.intermediate_values),
    )


def importance(storage: Storage) -> dict[str, float]:
    """How much each key mattered, by PED-ANOVA (Watanabe et al. 2023); empty where it cannot tell.

    Optuna's default, fANOVA, needs scikit-learn, which hfdl does not. PED-ANOVA compares the
    distribution of a key's values among the better trials with that among all.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    complete = [trial for trial in storage.trials() if trial.state.name == "COMPLETE"]
    if len(complete) < 4 or len({trial.value for trial in complete}) < 2:
        return {}
    try:
        with quiet_optuna():
            found = get_param_importances(storage.study, evaluator=PedAnovaImportanceEvaluator())
    except (ValueError, RuntimeError):
        return {}
    total = sum(found.values())
    return {key: share / total for key, share in found.items()} if total > 0 else {}


def _copy_run(source: Path, target: Path) -> bool:
    """The winner's run, put in place whole; one that stands there is left as it is.

    It may have been calibrated since, and a study that goes on may have the same winner.

    Returns:
        whether it was copied.
    """
    is_whole = all((target / one.name).exists() for one in source.iterdir() if one.name != LOCK)
    if is_whole and (target / LOG).read_bytes() == (source / LOG).read_bytes():
        return False
    aside = target.with_name(".writing-best")
    for old in (aside, target):
        if old.is_dir():
            shutil.rmtree(old)
    shutil.copytree(source, aside, ignore=shutil.ignore_patterns(LOCK))
    aside.rename(target)
    return True


def _nothing(trials: list[TrialRecord], layout: Layout) -> TrainingError:
    reasons = list(dict.fromkeys(trial.reason for trial in trials if trial.reason))
    return TrainingError(
        f"none of {len(trials)} trials came to its end: {listed(reasons, most=3)}",
        where=str(layout.folder),
        rule="a study needs one at least to have a winner",
        remedy="mend what it says, and start again with another --output",
    )
