"""What a run's folder holds of an earlier start, when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.config.load import load_recipe, recipe_names
from hfdl.config.overrides import override_of, settings
from hfdl.config.schema import Recipe
from hfdl.config.yaml import read_document
from hfdl.errors import ConfigError, listed
from hfdl.report import write_model_card, write_report
from hfdl.runs.outputs import METRICS, RECIPE, RunFolder
from hfdl.training.checkpoint import Checkpoints
from hfdl.training.distributed.launched import is_first_process
from hfdl.training.files import remove_leftovers

FREE = (
    "data.train", "data.validation", "data.test", "model.vectors",
    "train.callbacks", "train.trackers", "train.keep_checkpoints", "train.strategy",
)  # fmt: skip
"""What recipe.yaml may say otherwise before the run has ended: no figure depends on it.

Of the data and vectors that training reads a checkpoint holds digests: the place may be another,
not the content. ``data.test`` is read at the end alone. Callbacks and trackers only listen. How
processes share the model is of the machines that the run goes on with.
"""


_STRATEGY = "train.strategy"


def recipe_of_run(folder: RunFolder, overrides: Mapping[str, Any]) -> Recipe:
    """The recipe that a run was started with, which is the one it is resumed with.

    What it was started with stands in its checkpoints. Without any it starts from the beginning,
    by its recipe.yaml.

    Raises:
        ConfigError: an override would change it, or recipe.yaml has been edited.
    """
    written = load_recipe(folder.path)
    resumed = load_recipe(written, overrides)
    begun = _begun_with(folder) or written
    here, now, then = (_by_key(recipe) for recipe in (written, resumed, begun))
    for key in _different(now, here):
        if now.get(key) != then.get(key) and key != _STRATEGY:
            raise ConfigError(
                f"{key} is {then.get(key)!r} in the run and {now.get(key)!r} now",
                where=str(folder.path / RECIPE),
                rule="a run is resumed with the recipe it was started with",
                remedy=f"leave {key} out, or start a new run",
            )
    is_finished = (folder.path / METRICS).is_file()
    edited = [key for key in _different(then, now) if is_finished or key not in FREE]
    if edited:
        said = [f"{key} is {now.get(key)!r} and was {then.get(key)!r}" for key in edited]
        raise ConfigError(
            f"edited since the run was started: {listed(said)}",
            where=str(folder.path / RECIPE),
            rule="a run is resumed with the recipe it was started with",
            remedy=f"put it back with {' and '.join(_restoring(resumed, then))}, or train anew "
            "with --overwrite in place of --resume",
        )
    return resumed


def passed_over(
    recipe: str | Path | Recipe, asked: Recipe, resumed: Recipe, folder: RunFolder
) -> list[str]:
    """A line about what a recipe's file says and its run, which is resumed, does not follow.

    Args:
        recipe: what was named to resume the run. Shipped recipes and the run itself say nothing.
        asked: what it says, with the overrides.
        resumed: the run's own.
        folder: the run's.
    """
    if isinstance(recipe, Recipe) or str(recipe) in recipe_names():
        return []
    file = Path(recipe).expanduser()
    file = file / RECIPE if file.is_dir() else file
    if file.resolve() == (folder.path / RECIPE).resolve():
        return []
    given = {".".join(path) for path, _ in settings(read_document(file).data)}
    theirs, ours = _by_key(asked), _by_key(resumed)
    said = [
        f"{key} ({theirs.get(key)!r} there, {ours.get(key)!r} in the run)"
        for key in _different(theirs, ours)
        if key in given
    ]
    if not said:
        return []
    return [f"the run goes on as it was started, whatever {file} says of {listed(said)}"]


def _begun_with(folder: RunFolder) -> Recipe | None:
    file = Checkpoints(folder.checkpoints, keep=1).recipe_file()
    return None if file is None else load_recipe(file)


def _by_key(recipe: Recipe) -> dict[str, Any]:
    return {".".join(path): value for path, value in settings(recipe.model_dump(mode="json"))}


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The keys with other values; a section that is switched on or off is in one of them alone."""
    return [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]


def _restoring(recipe: Recipe, then: Mapping[str, Any]) -> list[str]:
    """Overrides that make a recipe what it was; another model.name may change further keys."""
    given: dict[str, Any] = {}
    while True:
        now = _by_key(load_recipe(recipe, given))
        keys = {_within(key, then) for key in _different(then, now)} - given.keys() - {""}
        if not keys:
            return [override_of(key, value) for key, value in given.items()]
        given |= {key: then[key] for key in then if key in keys}


def _within(key: str, settings: Mapping[str, Any]) -> str:
    """The key, or the section of it that is absent from the settings; empty where neither is."""
    while key and key not in settings:
        key = key.rpartition(".")[0]
    return key


def finished_metrics(folder: RunFolder) -> dict[str, Any] | None:
    """metrics.json of a finished run; None of an unfinished one.

    What follows it is done again, for the run may have been killed just then.
    """
    path = folder.path / METRICS
    if not path.is_file():
        return None
    if is_first_process():
        write_report(folder.path)
        write_model_card(folder.path)
        Checkpoints(folder.checkpoints, keep=1).tidy()
        remove_leftovers(folder.path)
    return json.loads(path.read_text(encoding="utf-8"))
