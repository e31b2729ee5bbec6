"""What a recipe says of a run before it begins: how many updates, and what picks the best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

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
    if name is None:
        return task.best_metric
    own = _own(config, task)
    return name, name not in task.smaller_is_better | (own.smaller if own else frozenset())


def value_of(name: str, metrics: Mapping[str, float]) -> float:
    """The metric that picks the best weights, of one evaluation.

    Raises:
        ConfigError: a function of the user's gave it when it was tried, and now does not.
    """
    if name not in metrics:
        raise ConfigError(
            f"the evaluation has no {name!r}, which picks the best weights",
            where="train.best_metric",
            rule="a metric of your own gives the same names each time",
            remedy=did_you_mean(name, metrics),
        )
    return metrics[name]


def check_best_metric(config: TrainConfig, task: Task) -> None:
    """Refuse one that the task does not have.

    Raises:
        ConfigError: naming the nearest.
    """
    own = _own(config, task)
    names = [*task.metric_names, *(own.names if own else []), "loss"]
    if config.best_metric is not None and config.best_metric not in names:
        raise ConfigError(
            f"the task has no metric {config.best_metric!r}",
            where="train.best_metric",
            remedy=did_you_mean(config.best_metric, names),
        )


def _own(config: TrainConfig, task: Task) -> Any:
    """The metrics that the recipe adds, where it adds some."""
    return task.own_metrics if config.metrics and isinstance(task, TakesMetrics) else None
