"""Options that a server was started with: those that open a pipeline, and those of its call."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from hfdl.errors import ConfigError, did_you_mean
from hfdl.pipelines.call_form import CallForm
from hfdl.serving.http_error import HttpError
from hfdl.serving.request import Reader

_OURS = ("self", "model", "tokenizer", "batch_size")


def split_options(
    kind: type[CallForm], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a pipeline's class takes of some options, and what its call takes; some are of both.

    Raises:
        ConfigError: an option is of neither.
    """
    call = kind.call_options()
    taken = _named(kind) - {*_OURS}
    for name in options:
        if name not in call and name not in taken:
            raise ConfigError(
                f"no parameter {name!r}",
                where=str(getattr(kind, "task", kind.__name__)),
                rule="the parameters of a server are options of its pipeline",
                remedy=did_you_mean(name, sorted({*call, *taken})),
            )
    made = {name: value for name, value in options.items() if name in taken}
    return made, {name: value for name, value in options.items() if name in call}


def _named(kind: type) -> set[str]:
    """The options that a class takes by name, its base classes' included."""
    names: set[str] = set()
    for each in kind.__mro__:
        if each is object or "__init__" not in vars(each):
            continue
        found = inspect.signature(vars(each)["__init__"]).parameters.values()
        names |= {one.name for one in found if one.kind is one.KEYWORD_ONLY}
    return names


def checked_options(reader: Reader, example: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a call, as a request would have them.

    Args:
        reader: of the requests.
        example: an input.
        options: of the server.

    Raises:
        ConfigError: one has a value that it cannot have.
    """
    sent = {"inputs": example, "parameters": dict(options)}
    try:
        return reader.read(json.dumps(sent, default=str, allow_nan=False).encode()).options
    except (HttpError, ValueError) as error:
        raise ConfigError(
            str(error).removeprefix("parameters."),
            where="parameters of the server",
            rule="they are options of the pipeline's call",
        ) from None
