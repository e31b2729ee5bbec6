"""Grid, random, TPE and CMA-ES: what they try, and that they try it again."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import optuna
import pytest

from hfdl.config.load import load_recipe
from hfdl.config.schema import StudyConfig
from hfdl.config.search_space import domains
from hfdl.search.cma import CmaEs
from hfdl.search.distributions import distribution, settings_of, suggest
from hfdl.search.samplers import sampler

SPACE = {
    "search.train.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "search.train.weight_decay": {"low": 0.0, "high": 0.5},
}
MIXED = {
    "search.train.batch_size": [8, 16, 32],
    "search.tune.lora": [None, {"r": 4}],
    "search.train.clip_norm": [1.0, None, 2.0],
}


def space_of(overrides: dict[str, Any]) -> list[Any]:
    return domains(load_recipe("eras/bag-of-words", overrides))


def tried(
    overrides: dict[str, Any], kind: str, trials: int, seed: int = 0, value: Any = None,
    study: Any = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The settings of trials whose values are those of a function, one process after another."""
    space = space_of(overrides)
    config = StudyConfig(sampler=kind, seed=seed, startup_trials=4)  # pyright: ignore
    study = study or optuna.create_study(direction="maximize")
    while len(study.trials) < trials:
        study.sampler = sampler(config, space, trials, len(study.trials))
        trial = study.ask()
        for domain in space:
            suggest(trial, domain)
        found = settings_of(trial.params, space)
        study.tell(trial, (value or quality)(found))
    return [settings_of(trial.params, space) for trial in study.trials]


def quality(settings: dict[str, Any]) -> float:
    rate = np.log10(settings.get("train.learning_rate", 0.01))
    return float(-((rate + 1.4) ** 2) - settings.get("train.weight_decay", 0.0))


def test_a_grid_is_the_product() -> None:
    found = tried(MIXED, "grid", 18)
    expected = itertools.product([8, 16, 32], [None, {"r": 4}], [1.0, None, 2.0])
    assert [tuple(one.values()) for one in found] == list(expected)


def test_fewer_trials_than_a_grid_has_are_drawn_without_one_twice() -> None:
    found = [str(one) for one in tried(MIXED, "grid", 7)]
    assert len(set(found)) == 7
    assert found != [str(one) for one in tried(MIXED, "grid", 7, seed=1)]


@pytest.mark.parametrize("kind", ["random", "tpe", "cma_es"])
def test_the_same_seed_tries_the_same(kind: str) -> None:
    first = tried(SPACE, kind, 14)
    assert first == tried(SPACE, kind, 14)
    assert first != tried(SPACE, kind, 14, seed=1)
    assert all(1e-3 <= one["train.learning_rate"] <= 1e-1 for one in first)
    assert all(0 <= one["train.weight_decay"] <= 0.5 for one in first)


@pytest.mark.parametrize("kind", ["random", "tpe", "cma_es"])
def test_what_a_trial_tries_does_not_depend_on_the_process(kind: str) -> None:
    """A new process, with new samplers, goes on as the first would have."""
    whole = optuna.create_study(direction="maximize")
    tried(SPACE, kind, 12, study=whole)
    other = optuna.create_study(direction="maximize")
    for trial in whole.trials[:7]:
        other.add_trial(trial)
    assert tried(SPACE, kind, 12, study=other) == tried(SPACE, kind, 12, study=whole)


@pytest.mark.parametrize("kind", ["tpe", "cma_es"])
def test_they_learn(kind: str) -> None:
    """Over ten seeds the last trials are better than the first: random ones are not."""
    gains = []
    for seed in range(10):
        values = [quality(one) for one in tried(SPACE, kind, 36, seed=seed)]
        gains.append(np.mean(values[-12:]) - np.mean(values[:6]))
    assert np.mean(gains) > 0.3
    assert sum(gain > 0 for gain in gains) >= 9
    flat = [quality(one) for one in tried(SPACE, "random", 36)]
    assert abs(np.mean(flat[-12:]) - np.mean(flat[:6])) < 0.6


def test_cma_es_is_that_of_the_package() -> None:
    """The first generation and, told what it is worth, the second."""
    from cmaes import CMA

    space = space_of(SPACE)
    found = tried(SPACE, "cma_es", 12, seed=5)
    cma = CMA(mean=np.array([0.5, 0.5]), sigma=1 / 6, bounds=np.array([[0, 1]] * 2), seed=5)
    expected = []
    while len(expected) < 12:
        points = [cma.ask() for _ in range(cma.population_size)]
        made = [
            {
                "train.learning_rate": float(np.exp(np.log(1e-3) + p[0] * np.log(100))),
                "train.weight_decay": float(0.5 * p[1]),
            }
            for p in points
        ]
        cma.tell([(p, -quality(one)) for p, one in zip(points, made, strict=True)])
        expected += made
    for one, other in zip(found, expected[:12], strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    assert {d.key for d in space} == set(found[0])


def test_cma_es_counts_what_was_pruned_and_what_failed() -> None:
    space = {d.key: distribution(d) for d in space_of(SPACE)}
    study = optuna.create_study(direction="maximize", sampler=CmaEs(0, space))
    for number in range(13):
        study.sampler = CmaEs(0, space)
        trial = study.ask(space)
        if number % 3 == 0:
            trial.report(0.5, 1)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif number % 3 == 1:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, 1.0)
    generations = [trial.system_attrs["hfdl:generation"] for trial in study.trials]
    assert generations == [0] * 6 + [1] * 6 + [2]


def test_whole_numbers_stay_whole() -> None:
    overrides = {
        "search.train.batch_size": {"low": 8, "high": 64, "step": 8},
        "search.train.steps": {"low": 10, "high": 400, "log": True},
    }
    for kind in ("random", "tpe", "cma_es"):
        found = tried(overrides, kind, 16, value=lambda one: -float(one["train.steps"]))
        assert all(type(one["train.batch_size"]) is int for one in found)
        assert {one["train.batch_size"] % 8 for one in found} == {0}
        assert all(10 <= one["train.steps"] <= 400 for one in found)


def test_choices_keep_their_kinds() -> None:
    overrides = {"search.train.compile": [True, False], "search.train.clip_norm": [1, None, 0.5]}
    found = tried(overrides, "grid", 6, value=lambda one: 0.0)
    assert [one["train.compile"] for one in found] == [True] * 3 + [False] * 3
    assert [one["train.clip_norm"] for one in found][:3] == [1, None, 0.5]
