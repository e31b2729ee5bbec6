"""CMA-ES over a study's trials, made anew from them for each one.

Optuna's own CmaEsSampler keeps its state in the database as a pickle, which whoever opens a study
would have to trust. Here the state is what the finished trials lead to: the generations are played
again, which takes milliseconds.

Reference: Hansen 2016, https://arxiv.org/abs/1604.00772, by the package cmaes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import TrialState

if TYPE_CHECKING:
    from cmaes import CMA
    from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

GENERATION = "hfdl:generation"
"""The attribute of a trial that says which generation it belongs to."""
_SIGMA = 1 / 6
"""The first step, as a share of each range: Optuna's default."""


class CmaEs(BaseSampler):
    """Covariance matrix adaptation over the unit cube that the ranges span.

    A generation is told once as many of its trials have ended as it needs; until then further
    trials are drawn from the same distribution. A pruned trial counts with its last evaluation, a
    failed one as the worst of its generation.

    Args:
        seed: of the study.
        space: its ranges by name, two or more.
    """

    def __init__(self, seed: int, space: dict[str, BaseDistribution]) -> None:
        self._seed, self._space = seed, space

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        earlier = [
            one
            for one in study.get_trials(deepcopy=False)
            if one.number < trial.number and search_space.keys() <= one.params.keys()
        ]
        generation, cma = self._played(study, earlier)
        # What belongs to a generation is known when it is drawn, and not from the results alone.
        study._storage.set_trial_system_attr(trial._trial_id, GENERATION, generation)
        return _from_unit(cma.ask(), search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        raise AssertionError(f"{param_name} is no part of the space")

    def _played(self, study: Study, earlier: Sequence[FrozenTrial]) -> tuple[int, CMA]:
        """The generation that goes on, with the strategy after all that was drawn of it."""
        cma = self._new(len(self._space))
        generation = 0
        while True:
            own = [one for one in earlier if one.system_attrs.get(GENERATION) == generation]
            for _ in own:
                cma.ask()
            ended = [one for one in own if one.state.is_finished()]
            if len(ended) < cma.population_size:
                return generation, cma
            cma.tell(_solutions(ended[: cma.population_size], self._space, study.direction))
            generation += 1

    def _new(self, dimensions: int) -> CMA:
        from cmaes import CMA

        return CMA(
            mean=np.full(dimensions, 0.5),
            sigma=_SIGMA,
            bounds=np.array([[0.0, 1.0]] * dimensions),
            seed=self._seed % 2**31,
        )


def _solutions(
    trials: Sequence[FrozenTrial], space: Mapping[str, BaseDistribution], direction: StudyDirection
) -> list[tuple[np.ndarray, float]]:
    """Each trial's place in the unit cube and its cost: CMA-ES takes less for better."""
    sign = -1.0 if direction == StudyDirection.MAXIMIZE else 1.0
    values = [_value(trial) for trial in trials]
    costs = [None if value is None else sign * value for value in values]
    worst = max((cost for cost in costs if cost is not None), default=0.0)
    return [
        (_to_unit(trial.params, space), worst if cost is None else cost)
        for trial, cost in zip(trials, costs, strict=True)
    ]


def _value(trial: FrozenTrial) -> float | None:
    if trial.state == TrialState.FAIL:
        return None
    value = trial.value
    if value is None and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return value if value is not None and math.isfinite(value) else None


def _ends(found: Any) -> tuple[float, float]:
    """The ends of a range, on the scale on which it is drawn; whole numbers with half a step."""
    half = 0.0 if found.step is None or found.log else 0.5 * found.step
    low, high = found.low - half, found.high + half
    return (math.log(low), math.log(high)) if found.log else (low, high)


def _to_unit(params: Mapping[str, Any], space: Mapping[str, Any]) -> np.ndarray:
    place = []
    for name, found in space.items():
        low, high = _ends(found)
        value = math.log(params[name]) if found.log else params[name]
        place.append((value - low) / (high - low))
    return np.array(place)


def _from_unit(place: np.ndarray, space: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _in_range(share, found)
        for share, (name, found) in zip(place.tolist(), space.items(), strict=True)
    }


def _in_range(share: float, found: FloatDistribution | IntDistribution) -> float | int:
    low, high = _ends(found)
    value = low + share * (high - low)
    value = math.exp(value) if found.log else value
    if found.step is not None and not found.log:
        value = found.low + round((value - found.low) / found.step) * found.step
    value = min(max(value, found.low), found.high)
    return round(value) if isinstance(found.low, int) else value
