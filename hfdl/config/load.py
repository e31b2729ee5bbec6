"""From a name or a file, and overrides, to a checked recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hfdl.config.dump import dump_recipe
from hfdl.config.error_messages import Origin, config_error, misread_boolean, wrong_value
from hfdl.config.overrides import merge
from hfdl.config.schema import Recipe
from hfdl.config.shipped import list_remedy, recipe_header, recipe_names, recipe_text
from hfdl.config.yaml import Document, parse_document, read_document
from hfdl.errors import ConfigError

__all__ = ["dump_recipe", "load_recipe", "recipe_header", "recipe_names", "recipe_text"]

_YAML = (".yaml", ".yml")


def load_recipe(
    name_or_path: str | Path | Recipe, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Load a recipe, lay the overrides over it, and check every key.

    Args:
        name_or_path: a shipped recipe's name, a YAML file, a run's folder, or a recipe.
        overrides: dotted or nested keys; see ``hfdl.config.overrides``.

    Raises:
        ConfigError: there is no such recipe, the file is not YAML, or a key or value is wrong. The
            message names the file and line, or the override.
    """
    overrides = overrides or {}
    if isinstance(name_or_path, Recipe):
        data, origin = name_or_path.model_dump(), Origin(None, {}, overrides)
    else:
        document = _read(name_or_path)
        data, origin = document.data, Origin(document.source, document.lines, overrides)
    return _validate(merge(data, overrides), origin)


def _validate(data: dict[str, Any], origin: Origin) -> Recipe:
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise config_error(error.errors(include_url=False), data, origin) from None
    if path := misread_boolean(recipe, data):
        value = data
        for part in path:
            value = value[part]
        raise wrong_value(path, value, (), origin)
    return recipe


def _read(name_or_path: str | Path) -> Document:
    name = str(name_or_path)
    if isinstance(name_or_path, str) and name in recipe_names():
        return parse_document(recipe_text(name), f"recipe {name}")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _read_run(path)
    if isinstance(name_or_path, Path) or path.suffix in _YAML or len(path.parts) > 1:
        if not path.exists() and path.stem in recipe_names():
            raise ConfigError("no such file", where=name, remedy=f"did you mean {path.stem!r}?")
        return read_document(path)
    raise ConfigError(
        f"no recipe {name!r}",
        rule="a recipe is a shipped name, a .yaml file or a run's folder",
        remedy=list_remedy(name),
    )


def _read_run(folder: Path) -> Document:
    file = folder / "recipe.yaml"
    if not file.is_file():
        raise ConfigError(
            "the folder holds no recipe.yaml",
            where=str(folder),
            rule="the folder of a run holds the recipe it was trained with",
            remedy="name the recipe's file instead",
        )
    return read_document(file)
