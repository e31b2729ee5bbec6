"""What a run's folder holds of an earlier start, when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hfdl.config.load import load_recipe
from hfdl.config.overrides import settings
from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError
from hfdl.report import write_model_card, write_report
from hfdl.runs.outputs import METRICS, RECIPE, RunFolder


def recipe_of_run(folder: RunFolder, overrides: Mapping[str, Any]) -> Recipe:
    """The recipe that a run was started with, which is the one it is resumed with.

    Raises:
        ConfigError: an override would change it.
    """
    recipe = load_recipe(folder.path)
    changed = load_recipe(recipe, overrides)
    old, new = dict(settings(recipe.model_dump())), dict(settings(changed.model_dump()))
    for path in {**new, **old}:  # a section that is switched on or off is in one of them alone
        if old.get(path) != new.get(path):
            key = ".".join(path)
            raise ConfigError(
                f"{key} is {old.get(path)!r} in the run and {new.get(path)!r} now",
                where=str(folder.path / RECIPE),
                rule="a run is resumed with the recipe it was started with",
                remedy=f"leave {key} out, or start a new run",
            )
    return recipe


def finished_metrics(folder: RunFolder) -> dict[str, Any] | None:
    """metrics.json of a finished run, whose report is made again; None of an unfinished one."""
    path = folder.path / METRICS
    if not path.is_file():
        return None
    write_report(folder.path)
    write_model_card(folder.path)
    return json.loads(path.read_text(encoding="utf-8"))
