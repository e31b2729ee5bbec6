"""Callbacks of the user's own that a recipe names: they take the events of a run."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from hfdl.config.own_code import load_own
from hfdl.errors import ConfigError
from hfdl.training.events import Listener

KEY = "train.callbacks"


def load_callbacks(paths: Sequence[str]) -> list[Listener]:
    """The functions, and an instance of each class, in their order.

    Args:
        paths: ``file.py:NAME`` or ``module:NAME`` of each.

    Raises:
        ConfigError: one is not called with an event, or is a callback of transformers' Trainer.
    """
    return [_callback(path) for path in paths]


def _callback(path: str) -> Listener:
    part = load_own(path, KEY, "a callback")
    value: Any = part.value
    if _is_of_the_trainer(value if isinstance(value, type) else type(value)):
        raise ConfigError(
            f"{path} is a TrainerCallback",
            where=KEY,
            rule="its methods take the arguments and the state of transformers' Trainer, which "
            "hfdl does not run; a callback here takes one event",
            remedy=f"write: def {part.name}(event): ... and ask event.kind, such as 'update'",
        )
    if isinstance(value, type):
        value = _instance(value, path)
    if _is_never_run(value):
        raise ConfigError(
            f"{path} is a generator or async",
            where=KEY,
            rule="called with an event such a function does nothing yet, and nobody goes on with "
            "it",
            remedy=f"write: def {part.name}(event): ... without yield and async",
        )
    if not _takes_one(value):
        raise ConfigError(
            f"{path} cannot be called with an event",
            where=KEY,
            rule="a callback is a function of one event, or a class whose instances are",
            remedy=f"write: def {part.name}(event): ...",
        )
    return value


def _instance(kind: type, path: str) -> Any:
    try:
        inspect.signature(kind).bind()
    except TypeError as error:
        raise ConfigError(
            f"{path} cannot be made without arguments: {error}",
            where=KEY,
            rule="a class of callbacks is called without arguments",
            remedy="give its arguments defaults",
        ) from error
    return kind()


def _is_of_the_trainer(kind: type) -> bool:
    return any(each.__name__ == "TrainerCallback" for each in kind.__mro__)


def _is_never_run(value: Any) -> bool:
    """Whether calling it runs none of its lines."""
    functions = (value, getattr(value, "__call__", None))  # noqa: B004
    kinds = (inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    return any(kind(function) for kind in kinds for function in functions)


def _takes_one(value: Any) -> bool:
    if not callable(value):
        return False
    try:
        inspect.signature(value).bind(None)
    except (TypeError, ValueError):
        return False
    return True
