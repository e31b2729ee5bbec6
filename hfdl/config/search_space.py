"""The space of a search: what ``search`` holds, checked against the keys that it names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hfdl.config.error_messages import Origin, show
from hfdl.config.keys import field_at, value_field
from hfdl.config.overrides import SPACE, override_of
from hfdl.config.schema import Range, Recipe
from hfdl.errors import ConfigError, did_you_mean, shell_word

_NOT_SEARCHED = {
    "task": "another task has other metrics",
    "train.best_metric": "trials are compared by one metric",
    "train.metrics": "trials are compared by one metric",
    "train.callbacks": "it changes no figure",
    "train.trackers": "it changes no figure",
    "data.validation": "trials are compared on the same examples",
    "data.test": "trials are compared on the same examples",
    "data.validation_share": "trials are compared on the same examples",
    "data.max_samples": "trials are compared on the same examples",
    "data.folds": "trials are compared on the same examples",
    "data.fold": "trials are compared on the same examples",
}


@dataclass(frozen=True)
class Domain:
    """The values that one key is tried with.

    Args:
        key: dotted.
        choices: the values themselves; None: a range.
        low, high, step, log: of a range. ``step`` is None for all numbers between.
        is_whole: whether the numbers are whole.
    """

    key: str
    choices: tuple[Any, ...] | None = None
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    is_whole: bool = False

    def values(self) -> Sequence[Any] | None:
        """All of them, in their order; None: they cannot be counted."""
        if self.choices is not None:
            return self.choices
        if self.is_whole:
            return range(int(self.low), int(self.high) + 1, int(self.step or 1))
        if self.step is None:
            return None
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [round(self.low + i * self.step, 12) for i in range(count)]

    def ends(self) -> list[Any]:
        """What is checked of it before a search: every choice, or both ends of a range."""
        return list(self.choices) if self.choices is not None else [self.low, self.high]

    def text(self) -> str:
        """For a person: ``1e-05 to 0.0001, log``; ``16, 32``."""
        if self.choices is not None:
            return ", ".join(map(show, self.choices))
        step = f", step {self.step:g}" if self.step is not None else ""
        return f"{self.low:g} to {self.high:g}{step}{', log' if self.log else ''}"


def domains(recipe: Recipe) -> list[Domain]:
    """The space of a checked recipe, in the order in which it is written."""
    return [_domain(key, written) for key, written in recipe.search.items()]


def grid_size(space: Sequence[Domain]) -> int | None:
    """How many combinations there are; None: they cannot be counted."""
    size = 1
    for domain in space:
        values = domain.values()
        if values is None:
            return None
        size *= len(values)
    return size


def grid(space: Sequence[Domain]) -> list[dict[str, Any]]:
    """Every combination, the last key varying fastest."""
    values = [domain.values() or [] for domain in space]
    return [
        dict(zip((domain.key for domain in space), point, strict=True))
        for point in itertools.product(*values)
    ]


def check_shapes(search: Any, origin: Origin) -> None:
    """Refuse, before the recipe is validated, what is neither a range nor a list.

    Raises:
        ConfigError: naming the key and where it stands.
    """
    for key, written in search.items() if isinstance(search, Mapping) else ():
        where = origin.where((SPACE, key))
        if isinstance(written, Mapping):
            _check_range(key, written, where)
        elif not isinstance(written, list | tuple):
            raise ConfigError(
                f"{SPACE}.{key} cannot be {show(written)}",
                where=where,
                rule="it is a range or the list of the values to try",
                remedy=f"write {shell_word(f'{SPACE}.{key}=[{show(written)}, ...]')}",
            )
        else:
            _check_list(key, written, where)


def check_values(recipe: Recipe, origin: Origin, check: Callable[[Mapping[str, Any]], Any]) -> None:
    """Refuse keys that cannot be searched, and values that a key does not take.

    Args:
        recipe: validated, apart from this.
        origin: where it came from.
        check: validates the recipe with one override.

    Raises:
        ConfigError: naming the key and where it stands.
    """
    for key, written in recipe.search.items():
        where = origin.where((SPACE, key))
        if reason := _NOT_SEARCHED.get(key) or _of_the_search(key):
            raise ConfigError(
                f"{key} cannot be searched", where=where, rule=reason, remedy=_without(key)
            )
        _check_kind(key, written, where)
        for value in _domain(key, written).ends():
            try:
                check({key: value})
            except ConfigError as error:
                raise ConfigError(
                    error.problem, where=where, rule=error.rule, remedy=error.remedy
                ) from None


def _of_the_search(key: str) -> str | None:
    is_ours = key.partition(".")[0] in (SPACE, "study")
    return "it says how the search is made, not how a model is" if is_ours else None


def _without(key: str) -> str:
    return f"take it out: {SPACE}.{key}=null"


def _check_range(key: str, written: Mapping[str, Any], where: str | None) -> None:
    for name in written:
        if name not in Range.model_fields:
            raise ConfigError(
                f"unknown key {name!r}",
                where=where,
                rule=f"a range has {', '.join(Range.model_fields)}",
                remedy=did_you_mean(str(name), Range.model_fields),
            )
    range_ = None
    wrong = [name for name in ("low", "high", "step") if isinstance(written.get(name), bool)]
    try:
        range_ = Range.model_validate(written)
    except ValidationError as error:
        wrong.append(str(error.errors(include_url=False)[0]["loc"][0]))
    if range_ is None or wrong:
        problem = f"cannot be {show(written[wrong[0]])}" if wrong[0] in written else "is missing"
        raise ConfigError(
            f"{SPACE}.{key}.{wrong[0]} {problem}",
            where=where,
            rule="low and high are numbers, step a number above 0, log true or false",
        )
    _check_order(key, range_, where)


def _check_order(key: str, range_: Range, where: str | None) -> None:
    low, high, step = range_.low, range_.high, range_.step
    turned = {"low": high, "high": low, **({"log": True} if range_.log else {})}
    if low > high:
        raise ConfigError(
            f"{SPACE}.{key} goes from {low:g} to {high:g}",
            where=where,
            rule="low is the least value",
            remedy=f"turn it round: {_as_range(key, turned)}",
        )
    if low == high or (step is not None and step > high - low):
        raise _one_value(key, low, where)
    if range_.log and low <= 0:
        above = {"low": high / 1000 if high > 0 else 1e-5, "high": max(high, 1e-2), "log": True}
        raise ConfigError(
            f"{SPACE}.{key} is drawn by its logarithm from {low:g} on",
            where=where,
            rule="only numbers above 0 have one",
            remedy=f"begin above 0: {_as_range(key, above)}",
        )
    if range_.log and step is not None:
        raise ConfigError(
            f"{SPACE}.{key} has both step and log",
            where=where,
            rule="steps are equal, logarithms are not",
            remedy=f"leave one out: {_as_range(key, {'low': low, 'high': high, 'log': True})}",
        )


def _check_list(key: str, written: Sequence[Any], where: str | None) -> None:
    if not written:
        raise ConfigError(
            f"{SPACE}.{key} has no value", where=where, rule="a list holds the values to try",
            remedy=_without(key),
        )  # fmt: skip
    try:
        texts = [json.dumps(value, sort_keys=True, default=str, allow_nan=False)
                 for value in written]  # fmt: skip
    except ValueError:
        raise ConfigError(
            f"{SPACE}.{key} holds a number that is not finite", where=where,
            rule="numbers to try are finite",
        ) from None  # fmt: skip
    once = list(dict.fromkeys(texts))
    if 1 < len(once) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ConfigError(
            f"{SPACE}.{key} has {twice} twice", where=where, rule="a value is tried as one",
            remedy=f"write {override_of(f'{SPACE}.{key}', [json.loads(text) for text in once])}",
        )  # fmt: skip
    if len(once) == 1:
        raise _one_value(key, written[0], where)


def _one_value(key: str, value: Any, where: str | None) -> ConfigError:
    return ConfigError(
        f"{SPACE}.{key} has one value, {show(value)}",
        where=where,
        rule="a search has two to choose from, or more",
        remedy=f"set the key itself: {override_of(key, value)} {SPACE}.{key}=null",
    )


def _check_kind(key: str, written: Any, where: str | None) -> None:
    """Refuse a range of what is no number."""
    if not isinstance(written, Range) or _takes_any(key):
        return
    field = field_at(key.split("."))
    kinds = () if field is None else _kinds(field.annotation)
    if field is not None and not {int, float} & set(kinds):
        raise ConfigError(
            f"{key} is no number",
            where=where,
            rule="only numbers have a range",
            remedy=f"list what to try: {SPACE}.{key}=[A, B]",
        )


def _takes_any(key: str) -> bool:
    """Whether the key lies within a map, whose values have no type of their own."""
    found = value_field(key.split("."))
    return found is not None and found[0] < len(key.split("."))


def _kinds(annotation: Any) -> list[Any]:
    inner = getattr(annotation, "__args__", None)
    if inner is None:
        return [annotation]
    return list(itertools.chain.from_iterable(_kinds(one) for one in inner))


def _is_whole(key: str, range_: Range) -> bool:
    field = field_at(key.split("."))
    kinds = [] if field is None else _kinds(field.annotation)
    numbers = [range_.low, range_.high, *([] if range_.step is None else [range_.step])]
    are_whole = all(isinstance(number, int) for number in numbers)
    if int in kinds and float not in kinds:
        return all(float(number).is_integer() for number in numbers)
    return are_whole and (_takes_any(key) or range_.step is not None)


def _domain(key: str, written: Range | list[Any]) -> Domain:
    if not isinstance(written, Range):
        return Domain(key, tuple(written))
    is_whole = _is_whole(key, written)
    kind = int if is_whole else float
    step = None if written.step is None else kind(written.step)
    return Domain(key, None, kind(written.low), kind(written.high), step, written.log, is_whole)


def _as_range(key: str, values: Mapping[str, Any]) -> str:
    return override_of(f"{SPACE}.{key}", dict(values))
