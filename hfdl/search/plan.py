"""What is going to be searched, checked before anything is written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from hfdl.config.load import load_recipe
from hfdl.config.schema import Recipe, StudyConfig
from hfdl.config.search_space import Domain, domains, grid_size
from hfdl.errors import ConfigError, DataError, MissingExtraError
from hfdl.search.values import check_models, named_by_study
from hfdl.tasks.protocol import Splits
from hfdl.tasks.registry import task_for_training, task_spec
from hfdl.training.plan import best_metric, check_best_metric, total_steps

TRIALS = 20
"""Where ``study.trials`` is not given and the space is no grid."""


@dataclass(frozen=True)
class Plan:
    """A study as it will run.

    Args:
        recipe: whole, with its search.
        space: what is searched.
        metric: what trials are compared by.
        larger_is_better: whether more of it is better.
        trials: how many.
        evaluations: of a whole trial; with folds, how many there are.
        facts: lines for a person.
    """

    recipe: Recipe
    space: list[Domain]
    metric: str
    larger_is_better: bool
    trials: int
    evaluations: int
    facts: list[str]

    @property
    def base(self) -> Recipe:
        """The recipe as it stands, without its search."""
        return without_search(self.recipe)

    @property
    def folds(self) -> int | None:
        """How often each trial is trained; None: once, without cross-validation."""
        return self.recipe.study.folds

    def of_trial(self, settings: Mapping[str, Any], fold: int | None = None) -> Recipe:
        """The recipe of a trial, or of one of its folds."""
        cut = {} if fold is None else {"data.folds": self.folds, "data.fold": fold}
        return load_recipe(self.base, {**settings, **cut})

    def rows(self) -> list[tuple[str, Any]]:
        """What it will do, as names and values."""
        study = self.recipe.study
        size = grid_size(self.space)
        fresh = 2 * study.fresh_seeds
        runs = self.trials * (self.folds or 1) + (1 if self.folds else 0) + fresh
        more = f", {self.folds} folds each" if self.folds else ""
        return [
            ("sampler", study.sampler),
            ("combinations", "without end" if size is None else f"{size:,}"),
            ("trials", f"{self.trials}{more}"),
            ("pruner", study.pruner),
            ("metric", f"{self.metric}, {'more' if self.larger_is_better else 'less'} is better"),
            ("fresh seeds", f"{study.fresh_seeds} for the winner and for the recipe as it stands"),
            ("runs", f"{runs} at most"),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return {
            "space": {domain.key: domain.text() for domain in self.space},
            "combinations": grid_size(self.space),
            "trials": self.trials,
            "folds": self.folds,
            "metric": self.metric,
            "larger_is_better": self.larger_is_better,
            "study": self.recipe.study.model_dump(),
            "notes": self.facts,
        }

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether a value beats another; any beats none."""
        return than is None or (value > than if self.larger_is_better else value < than)


def without_search(recipe: Recipe) -> Recipe:
    """A recipe that trains what a study compares: its metric picks the best weights, too."""
    metric = recipe.study.metric
    train = recipe.train if metric is None else recipe.train.model_copy(
        update={"best_metric": metric})  # fmt: skip
    return recipe.model_copy(update={"search": {}, "study": StudyConfig(), "train": train})


def make_plan(recipe: Recipe, memory: Mapping[str, Any]) -> Plan:
    """Check a study as far as can be without training, its data included.

    Args:
        recipe: with its search.
        memory: data objects by marker.

    Raises:
        HfdlError: as for ``hfdl.train``, and what a search cannot do.
    """
    require_optuna()
    space = domains(recipe)
    check_space(recipe, space)
    base = without_search(recipe)
    if recipe.study.folds is not None:
        _check_folds(base)
        base = load_recipe(base, {"data.folds": recipe.study.folds, "data.fold": 0})
    task = task_for_training(base, memory)
    check_models(base, space, memory)
    with named_by_study(recipe.study):
        splits = task.prepare(base.data)
        check_best_metric(base.train, task)
    _check_validation(splits)
    metric, larger_is_better = best_metric(base.train, task)
    trials, facts = _trials(recipe.study, space)
    return Plan(
        recipe, space, metric, larger_is_better, trials, _evaluations(recipe, splits),
        [*facts, *_facts(recipe, space, splits)],
    )  # fmt: skip


def require_optuna() -> None:
    """Refuse where the extra ``tune`` is not installed.

    Raises:
        MissingExtraError: saying how to install it.
    """
    for package in ("optuna", "cmaes"):
        try:
            import_module(package)
        except ModuleNotFoundError:
            raise MissingExtraError(package, feature="hfdl tune", extra="tune") from None


def check_space(recipe: Recipe, space: Sequence[Domain]) -> None:
    """Refuse a space that the sampler or the pruner cannot search.

    Raises:
        ConfigError: naming the key.
    """
    study = recipe.study
    if not space:
        raise ConfigError(
            "the recipe has nothing to search",
            where="search",
            rule="search holds the keys to try, each with a range or a list",
            remedy="give one: 'search.train.learning_rate={low: 1e-5, high: 1e-4, log: true}'",
        )
    if study.sampler == "grid":
        _check_grid(space)
    if study.sampler == "cma_es":
        _check_cma_es(space)
    if study.pruner == "hyperband" and study.folds is None:
        lengths = [d.key for d in space if d.key in ("train.epochs", "train.steps")]
        if lengths:
            raise ConfigError(
                f"hyperband cannot search {lengths[0]}",
                where=f"search.{lengths[0]}",
                rule="it decides itself how long a trial is trained",
                remedy="set study.pruner=median",
            )


def _check_grid(space: Sequence[Domain]) -> None:
    for domain in space:
        if domain.values() is None:
            middle = (domain.low * domain.high) ** 0.5 if domain.log else (
                domain.low + domain.high) / 2  # fmt: skip
            values = f"[{domain.low:g}, {middle:.3g}, {domain.high:g}]"
            raise ConfigError(
                f"search.{domain.key} has no end of values",
                where=f"search.{domain.key}",
                rule="a grid holds every value: a list, whole numbers, or a range with a step",
                remedy=f"list them: 'search.{domain.key}={values}', or set study.sampler=tpe",
            )


def _check_cma_es(space: Sequence[Domain]) -> None:
    listed = next((domain for domain in space if domain.choices is not None), None)
    if listed is not None:
        raise ConfigError(
            f"cma_es cannot search search.{listed.key}",
            where="study.sampler",
            rule="evolution moves through ranges of numbers; a list has no directions",
            remedy="set study.sampler=tpe",
        )
    if len(space) < 2:
        raise ConfigError(
            "cma_es cannot search one key",
            where="study.sampler",
            rule="it learns how keys go together, so it needs two or more",
            remedy="set study.sampler=tpe",
        )


def _check_folds(recipe: Recipe) -> None:
    if task_spec(recipe.task).rows == "texts":
        raise ConfigError(
            "a language model's texts have no folds",
            where="study.folds",
            rule="folds are of examples",
            remedy="set study.folds=null",
        )
    if recipe.data.folds is not None:
        raise ConfigError(
            "the recipe is that of a single fold",
            where="data.folds",
            rule="study.folds makes the folds itself",
            remedy="set data.folds=null and data.fold=null",
        )


def _check_validation(splits: Splits) -> None:
    if splits.validation is None:
        raise DataError(
            "there are no validation examples",
            where="data.validation",
            rule="trials are compared on them",
            remedy="set data.validation=FILE",
        )


def _trials(study: StudyConfig, space: Sequence[Domain]) -> tuple[int, list[str]]:
    size = grid_size(space)
    trials = study.trials or TRIALS
    if size is None:
        return trials, []
    if study.sampler != "grid":
        again = (
            f"{trials} trials of {size} combinations: some are tried again, to the same result; "
            "study.sampler=grid tries each once"
        )
        return trials, [again] if trials > size else []
    if study.trials is None or study.trials == size:
        return size, []
    if study.trials > size:
        return size, [f"the grid has {size} points: {size} trials, not {study.trials}"]
    return study.trials, [f"{study.trials} of the {size} points of the grid are drawn"]


def _evaluations(recipe: Recipe, splits: Splits) -> int:
    if recipe.study.folds is not None:
        return recipe.study.folds
    assert splits.train is not None
    train = recipe.train
    every = train.evaluate_every or math.ceil(len(splits.train) / train.batch_size)
    return math.ceil(total_steps(train, len(splits.train)) / every)


def _facts(recipe: Recipe, space: Sequence[Domain], splits: Splits) -> list[str]:
    """What a person should know of how trials are compared."""
    facts = []
    keys = {domain.key for domain in space}
    is_cut = any(fact.startswith("validation:") for fact in splits.facts)
    if "train.seed" in keys and is_cut:
        facts.append(
            "train.seed also fixes which rows are validated on: trials with other seeds are "
            "measured on other examples"
        )
    if recipe.train.evaluate_every is not None and "train.batch_size" in keys:
        facts.append(
            "train.evaluate_every counts updates: at the same evaluation trials with larger "
            "batches have seen more examples"
        )
    return facts


def folder_name(recipe: str | Path | Recipe) -> str:
    """What the default folder of a study is called after."""
    return f"tune-{recipe.task}" if isinstance(recipe, Recipe) else f"tune-{Path(recipe).stem}"
