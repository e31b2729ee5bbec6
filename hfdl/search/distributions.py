"""The space of a search as Optuna's distributions, and back.

Optuna stores texts, numbers, booleans and null; a list or a map is stored as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hfdl.config.search_space import Domain

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

_STORED = (str, int, float, bool, type(None))


def distribution(domain: Domain) -> BaseDistribution:
    """Optuna's distribution of a domain."""
    from optuna import distributions

    if domain.choices is not None:
        return distributions.CategoricalDistribution(stored_choices(domain.choices))
    if domain.is_whole:
        low, high = int(domain.low), int(domain.high)
        return distributions.IntDistribution(low, high, log=domain.log, step=int(domain.step or 1))
    low, high, step = float(domain.low), float(domain.high), domain.step
    if step is not None:  # Optuna wants the last step to meet the end
        high = (domain.values() or [high])[-1]
    return distributions.FloatDistribution(low, high, log=domain.log, step=step)


def suggest(trial: Trial, domain: Domain) -> None:
    """Give a trial its value of a domain; the one that it has, if it has one already."""
    found: Any = distribution(domain)
    if domain.choices is not None:
        trial.suggest_categorical(domain.key, found.choices)
    elif domain.is_whole:
        trial.suggest_int(domain.key, found.low, found.high, step=found.step, log=found.log)
    else:
        trial.suggest_float(domain.key, found.low, found.high, step=found.step, log=found.log)


def stored_choices(choices: Sequence[Any]) -> list[Any]:
    """Choices as Optuna keeps them: as JSON where they are lists or maps, or could be mixed up."""
    mixed = len({type(choice) for choice in choices if not isinstance(choice, str)}) > 1
    is_plain = all(isinstance(choice, _STORED) for choice in choices) and not mixed
    return (
        list(choices)
        if is_plain
        else [json.dumps(c, sort_keys=True, allow_nan=False) for c in choices]
    )


def settings_of(params: Mapping[str, Any], space: Sequence[Domain]) -> dict[str, Any]:
    """A trial's parameters as overrides of the recipe, in the order of the space."""
    return {d.key: _value(params[d.key], d) for d in space if d.key in params}


def stored(settings: Mapping[str, Any], space: Sequence[Domain]) -> dict[str, Any]:
    """Overrides as Optuna keeps them; the inverse of ``settings_of``."""
    return {d.key: _as_stored(settings[d.key], d) for d in space}


def _value(stored_value: Any, domain: Domain) -> Any:
    if domain.choices is None:
        return stored_value
    kept = stored_choices(domain.choices)
    return domain.choices[kept.index(stored_value)]


def _as_stored(value: Any, domain: Domain) -> Any:
    if domain.choices is None:
        return value
    index = next(i for i, choice in enumerate(domain.choices) if choice is value or choice == value)
    return stored_choices(domain.choices)[index]
