"""What can be told of a study's values before anything is trained, beyond their types."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hfdl.config.load import load_recipe
from hfdl.config.schema import Recipe, StudyConfig
from hfdl.config.search_space import Domain
from hfdl.errors import ConfigError, DataError, HfdlError
from hfdl.tasks.registry import task_for_training

_MOST = 24
"""Combinations of a model's keys that are opened; of more, trials tell."""


def check_models(base: Recipe, space: Sequence[Domain], memory: Mapping[str, Any]) -> None:
    """Refuse a value of a model's key with which no model can be opened.

    A key may belong to one of the models that are tried, and a size may need another one beside it:
    a value is refused where it fails in every combination with the model's other keys. Of a range
    the ends are tried.

    Args:
        base: the recipe as it stands.
        space: what is searched.
        memory: data objects by marker.

    Raises:
        HfdlError: as opening the model does, naming the key of the search.
    """
    own = [domain for domain in space if domain.key.startswith("model.")]
    points = list(itertools.product(*(range(len(domain.ends())) for domain in own)))
    if not own or len(points) > _MOST:
        return
    faults = {point: _fault(base, own, point, memory) for point in points}
    for place, domain in enumerate(own):
        for index in range(len(domain.ends())):
            found = [faults[point] for point in points if point[place] == index]
            if found[0] is not None and all(found):
                raise _renamed(found[0], f"search.{domain.key}", found[0].remedy)


def _fault(
    base: Recipe, own: Sequence[Domain], point: Sequence[int], memory: Mapping[str, Any]
) -> HfdlError | None:
    values = {domain.key: domain.ends()[i] for domain, i in zip(own, point, strict=True)}
    try:
        task_for_training(load_recipe(base, values), memory)
    except HfdlError as error:
        return error
    return None


@contextmanager
def named_by_study(study: StudyConfig) -> Iterator[None]:
    """While active, errors of keys that the study sets name the study's own keys."""
    names = {"data.folds": "study.folds"} if study.folds is not None else {}
    if study.metric is not None:
        names["train.best_metric"] = "study.metric"
    try:
        yield
    except (ConfigError, DataError) as error:
        if error.where not in names:
            raise
        remedy = (error.remedy or "").replace(" and data.fold=null", "")
        own = names[error.where]
        raise _renamed(error, own, remedy.replace(error.where, own) or None) from None


def _renamed(error: HfdlError, where: str, remedy: str | None) -> HfdlError:
    return type(error)(error.problem, where=where, rule=error.rule, remedy=remedy)
