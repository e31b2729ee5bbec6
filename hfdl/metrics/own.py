"""Metrics that a recipe adds to a task's: by name, functions of one's own, evaluate's modules."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from hfdl.config.own_code import load_own
from hfdl.config.own_paths import is_own_path
from hfdl.errors import ConfigError
from hfdl.metrics.named import NamedMetric, Reads, named

KEY = "train.metrics"


@dataclass(frozen=True)
class Answers:
    """Predictions and right answers of a split, as the metrics of a recipe receive them.

    Args:
        reads: what they are: ``labels`` (names), ``label lists``, or as ``Reads`` has it.
        predictions, references: N of each.
        labels: the label names in the order of their ids, where they are labels.
    """

    reads: Reads | str
    predictions: Sequence[Any]
    references: Sequence[Any]
    labels: Sequence[str] = ()

    def as_ids(self) -> Answers:
        """Label names as ids."""
        ids = {name: i for i, name in enumerate(self.labels)}
        sides = [[ids[name] for name in side] for side in (self.predictions, self.references)]
        return Answers("ids", *sides, labels=self.labels)


@dataclass(frozen=True)
class OwnMetric:
    """One entry of ``train.metrics``.

    Args:
        path: as the recipe has it.
        compute: from the answers to values by name.
        smaller: of which values less is better: names, or True for all.
    """

    path: str
    compute: Callable[[Answers], dict[str, float]]
    smaller: Collection[str] | bool

    def is_smaller_better(self, name: str) -> bool:
        """Whether less of a value is better."""
        return self.smaller if isinstance(self.smaller, bool) else name in self.smaller


class OwnMetrics:
    """The metrics of a recipe, beside those of its task.

    A name that the task has already is given the prefix ``own_``.

    Args:
        paths: the entries of ``train.metrics``.
        taken: the names of the task's own metrics.

    Raises:
        ConfigError: an entry is no metric.
    """

    def __init__(self, paths: Sequence[str], taken: Collection[str]) -> None:
        self._metrics = [_metric(path) for path in paths]
        self._taken = {*taken, "loss"}
        self.names: list[str] = []
        """The names that the last call gave."""
        self.smaller: frozenset[str] = frozenset()
        """Those of which less is better."""

    def __call__(self, answers: Answers) -> dict[str, float]:
        """All values by name.

        Raises:
            ConfigError: a metric cannot read the answers of this task, or gives something else
                than numbers; two of them give the same name.
        """
        return self._named([(metric, metric.compute(answers)) for metric in self._metrics])

    def defined(self, answers: Answers) -> dict[str, float]:
        """Those values that these answers have; whatever a metric raises, it has none of them."""
        computed = []
        for metric in self._metrics:
            with suppress(Exception):  # code of the user's
                computed.append((metric, metric.compute(answers)))
        return self._named(computed)

    def _named(self, computed: Sequence[tuple[OwnMetric, dict[str, float]]]) -> dict[str, float]:
        values: dict[str, float] = {}
        smaller = set()
        for metric, found in computed:
            for name, value in found.items():
                final = f"own_{name}" if name in self._taken else name
                if final in values:
                    raise ConfigError(
                        f"two metrics give {name!r}",
                        where=f"{KEY}, {metric.path}",
                        rule="each figure has a name of its own",
                        remedy="rename one, or leave it out",
                    )
                values[final] = value
                if metric.is_smaller_better(name):
                    smaller.add(final)
        self.names, self.smaller = list(values), frozenset(smaller)
        return values


def _metric(path: str) -> OwnMetric:
    if not is_own_path(path):
        metric = named(path, KEY)
        return OwnMetric(path, partial(_named_values, path, metric), _finals(path, metric))
    part = load_own(path, KEY, "a metric")
    value = part.value
    if isinstance(value, type) and _is_evaluate_module(value):
        value = value()
    if _is_evaluate_module(type(value)):
        return OwnMetric(path, partial(_module_values, path, value), _declared(value))
    if isinstance(value, type):
        value = value()
    if not callable(value) or not _takes_two(value):
        raise ConfigError(
            f"{path} is no metric",
            where=KEY,
            rule="a metric is a function (predictions, references) that returns a number, or a "
            "dict of numbers by name",
            remedy=f"write: def {part.name}(predictions, references): return ...",
        )
    return OwnMetric(path, partial(_function_values, path, part.name, value), _declared(value))


def _function_values(
    path: str, name: str, function: Callable[..., Any], answers: Answers
) -> dict[str, float]:
    result = function(list(answers.predictions), list(answers.references))
    values = result if isinstance(result, dict) else {name: result}
    for key, value in values.items():
        if not isinstance(key, str) or not _is_number(value):
            inside = f" under {key!r}" if isinstance(result, dict) else ""
            raise _no_figure(f"{type(value).__name__}{inside}", path, "return float(value)")
        if not key.isprintable():
            raise _no_figure(f"a name that cannot be printed, {key!r}", path, "rename it")
    if not values:
        raise _no_figure("an empty dict", path, "leave it out, or return a number")
    return {key: float(value) for key, value in values.items()}


def _no_figure(what: str, path: str, remedy: str) -> ConfigError:
    return ConfigError(
        f"it returned {what}",
        where=f"{KEY}, {path}",
        rule="a metric returns a number, or a dict of numbers by name",
        remedy=remedy,
    )


def _named_values(name: str, metric: NamedMetric, answers: Answers) -> dict[str, float]:
    answers = answers.as_ids() if (metric.reads, answers.reads) == ("ids", "labels") else answers
    if answers.reads != metric.reads:
        raise ConfigError(
            f"{name} reads {metric.reads}, and this task has {answers.reads}",
            where=KEY,
            rule="a metric is of one kind of answers",
            remedy="leave it out, or write a function of your own: file.py:function",
        )
    found = metric.compute(answers.references, answers.predictions, **metric.options)
    return {_final(name, key): value for key, value in _flat(found).items()}


def _final(name: str, key: str) -> str:
    """sacrebleu's ``score`` says nothing beside other figures."""
    return name if key == "score" else key


def _finals(name: str, metric: NamedMetric) -> Collection[str]:
    return {_final(name, key) for key in metric.smaller}


def _module_values(path: str, module: Any, answers: Answers) -> dict[str, float]:
    """What a module of ``evaluate`` computes; ids where it asks for whole numbers."""
    formats = module.features if isinstance(module.features, list) else [module.features]
    dtype = str(getattr(formats[0].get("predictions"), "dtype", ""))
    if answers.reads == "labels" and dtype.startswith(("int", "uint")):
        answers = answers.as_ids()
    if not any(_fits(features, answers) for features in formats):
        raise ConfigError(
            f"it cannot read the {answers.reads} of this task",
            where=f"{KEY}, {path}",
            rule=f"its features are {formats[0]}",
            remedy="leave it out, or write a function of your own",
        )
    found = module.compute(
        predictions=list(answers.predictions), references=list(answers.references)
    )
    return {_final(module.name, key): value for key, value in _flat(found).items()}


def _fits(features: Any, answers: Answers) -> bool:
    """Whether the first answer can be a row of such columns."""
    for prediction, reference in zip(answers.predictions[:1], answers.references[:1], strict=True):
        try:
            features.encode_example({"predictions": prediction, "references": reference})
        except (TypeError, ValueError):
            return False
    return True


def _flat(found: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """The numbers of a dict, those of a dict within it as details; lists and texts left out."""
    flat: dict[str, float] = {}
    for key, value in found.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}/")
        elif _is_number(value):
            flat[f"{prefix}{key}"] = float(value)
    return flat


def _is_number(value: Any) -> bool:
    """A number of Python's, NumPy's, or a tensor of one element."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    return isinstance(value, numbers.Real)


def _declared(value: Any) -> Collection[str] | bool:
    """``smaller_is_better`` of a function or class: True, or the names that it is true of."""
    declared = getattr(value, "smaller_is_better", False)
    return declared if isinstance(declared, bool) else frozenset([*declared])


def _is_evaluate_module(kind: type) -> bool:
    """By its bases' names: evaluate is not imported to ask."""
    return any(
        each.__name__ == "EvaluationModule" and each.__module__.startswith("evaluate")
        for each in kind.__mro__
    )


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind([], [])
    except (TypeError, ValueError):
        return False
    return True
