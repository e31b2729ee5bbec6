"""What a recipe says of a run before it begins: how many updates, and what picks the best."""

from __future__ import annotations

import math

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError, did_you_mean
from hfdl.tasks.protocol import TakesMetrics, Task


def total_steps(config: TrainConfig, examples: int) -> int:
    """Updates of the whole run."""
    per_epoch = math.ceil(examples / config.batch_size)
    return config.steps or max(1, math.ceil(round(config.epochs * per_epoch, 6)))


def best_metric(config: TrainConfig, task: Task) -> tuple[str, bool]:
    """The metric that picks the best weights, and whether more of it is better."""
    name = config.best_metric
    return task.best_metric if name is None else (name, name not in task.smaller_is_better)


def check_best_metric(config: TrainConfig, task: Task) -> None:
    """Refuse one that the task does not have.

    Raises:
        ConfigError: naming the nearest.
    """
    own = task.own_metrics.names if isinstance(task, TakesMetrics) and config.metrics else []
    names = [*task.metric_names, *own, "loss"]
    if config.best_metric is not None and config.best_metric not in names:
        raise ConfigError(
            f"the task has no metric {config.best_metric!r}",
            where="train.best_metric",
            remedy=did_you_mean(config.best_metric, names),
        )
