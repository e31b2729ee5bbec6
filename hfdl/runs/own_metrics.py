"""Trying the metrics that a recipe adds, before anything is trained."""

from __future__ import annotations

from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError
from hfdl.tasks.protocol import Splits, TakesMetrics, Task


def try_metrics(recipe: Recipe, task: Task, splits: Splits) -> None:
    """Let the metrics of the recipe fail now, if they do.

    Raises:
        ConfigError: the task takes none, or one is no metric or cannot read its answers.
    """
    held_out = splits.validation or splits.test
    if not recipe.train.metrics or held_out is None:
        return
    if not isinstance(task, TakesMetrics):
        raise ConfigError(
            f"the task {task.name} computes no other metrics than its own",
            where="train.metrics",
            rule="they belong to tasks that are subclasses of PretrainedTask",
            remedy="set train.metrics=null",
        )
    task.try_metrics(held_out.references())
