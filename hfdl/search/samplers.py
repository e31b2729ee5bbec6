"""Samplers whose every choice is a function of the seed, the trial's number and what is known.

A study that was killed and continued then tries the same values as one that was not: no state of
a random generator is lost with a process.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from hfdl.config.schema import StudyConfig
from hfdl.config.search_space import Domain, grid
from hfdl.data.random_keys import generator_seed
from hfdl.search.cma import CmaEs
from hfdl.search.distributions import distribution, stored

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

STARTUP = 10
"""Trials at random before TPE models the space: Optuna's default."""


def sampler(config: StudyConfig, space: Sequence[Domain], trials: int, number: int) -> BaseSampler:
    """The sampler for one trial.

    Args:
        config: the recipe's ``study`` section.
        space: what is searched.
        trials: of the whole study.
        number: the trial's.
    """
    if config.sampler == "grid":
        return Grid(_points(space, trials, config.seed))
    seed = generator_seed(config.seed, number)
    if config.sampler == "random":
        return RandomSampler(seed=seed)
    if config.sampler == "cma_es":
        return CmaEs(config.seed, {domain.key: distribution(domain) for domain in space})
    startup = STARTUP if config.startup_trials is None else config.startup_trials
    # constant_liar: what other workers try now counts, so that they do not all try the same.
    return TPESampler(n_startup_trials=startup, seed=seed, constant_liar=True)


class Grid(BaseSampler):
    """Trial n tries point n.

    Optuna's own GridSampler draws among the points that are left, and cannot end a study that is
    asked and told rather than optimized.

    Args:
        points: parameters by name, of each trial.
    """

    def __init__(self, points: Sequence[dict[str, Any]]) -> None:
        self._points = points

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._points[trial.number % len(self._points)][param_name]


def _points(space: Sequence[Domain], trials: int, seed: int) -> list[dict[str, Any]]:
    points = [stored(point, space) for point in grid(space)]
    if trials >= len(points):
        return points
    drawn = np.sort(np.random.default_rng(seed).permutation(len(points))[:trials])
    return list(itertools.compress(points, np.isin(np.arange(len(points)), drawn)))
