"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .completion import complete_key, complete_run

RunOrModel = Annotated[
    str,
    typer.Argument(
        metavar="RUN_OR_MODEL",
        help="A run's folder, a model folder or a Hub id.",
        autocompletion=complete_run,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Keys of the recipe, such as data.test=FILE; key=null clears one.",
        autocompletion=complete_key,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON; progress stays on stderr.")
]

Precision = Annotated[
    str,
    typer.Option(
        "--precision", metavar="NAME", help="float32; or int8: faster on a CPU, a little off."
    ),
]


def parsed(value: str | None) -> Any:
    """An option's value as ``key=value`` has it: a number, or ``{name: number}``."""
    if value is None:
        return None
    from hfdl.config.yaml import parse_value

    try:
        return parse_value(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _known_encoding(value: str | None) -> str | None:
    try:
        "".encode(value or "utf-8")
    except (LookupError, ValueError):
        raise typer.BadParameter(f"no encoding is called {value!r}; utf-8 and cp1252 are") from None
    return value


Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        callback=_known_encoding,
        help="Of a text --file, such as cp1252. Default: the run's own, else UTF-8.",
    ),
]
