"""Pruners: which trials are stopped at an evaluation."""

from __future__ import annotations

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner

from hfdl.config.schema import StudyConfig

STARTUP = 5
"""Trials that run to their end before the median prunes: Optuna's default."""


def pruner(config: StudyConfig, evaluations: int) -> BasePruner:
    """The pruner of a study.

    Args:
        config: the recipe's ``study`` section.
        evaluations: of a whole trial.
    """
    if config.pruner == "median":
        return MedianPruner(n_startup_trials=STARTUP if config.startup_trials is None
                            else config.startup_trials)  # fmt: skip
    if config.pruner == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=max(1, evaluations))
    return NopPruner()
