"""The recipes that come with hfdl: every YAML file under the package ``hfdl.recipes``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from hfdl.errors import ConfigError, nearest

_SUFFIX = ".yaml"


def recipe_names() -> list[str]:
    """The names of the shipped recipes, sorted: their paths without the suffix."""
    return sorted(_recipes())


def recipe_text(name: str) -> str:
    """A shipped recipe as it is written, comments included.

    Raises:
        ConfigError: no shipped recipe of that name.
    """
    recipes = _recipes()
    if name not in recipes:
        raise ConfigError(f"no shipped recipe {name!r}", remedy=list_remedy(name))
    return recipes[name].read_text(encoding="utf-8")


def recipe_header(name: str) -> list[str]:
    """The comment that a shipped recipe opens with, line by line, without the marks.

    Raises:
        ConfigError: no shipped recipe of that name.
    """
    header = []
    for line in recipe_text(name).splitlines():
        if not line.startswith("#"):
            break
        header.append(line.removeprefix("#").removeprefix(" "))
    return header


def list_remedy(name: str) -> str:
    """What to do about a name that no shipped recipe has."""
    close = nearest(name, recipe_names())
    see_all = "see all with: hfdl recipes list"
    return f"did you mean {close!r}? Or {see_all}" if close else see_all


def _recipes() -> dict[str, Traversable]:
    return dict(_walk(files("hfdl.recipes"), ""))


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry
