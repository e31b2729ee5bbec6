"""Loading of recipes: from a name or a file, and overrides, to a checked recipe."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import getitem
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError

from hfdl.config.error_messages import Origin, config_error, misread_boolean, wrong_value
from hfdl.config.overrides import SPACE, merge, settings
from hfdl.config.recorded_code import refuse_code_inside, without_code
from hfdl.config.schema import Recipe
from hfdl.config.search_space import check_shapes, check_values
from hfdl.config.yaml import Document, parse_document, read_document
from hfdl.errors import ConfigError, nearest

_SUFFIX = ".yaml"
_NEW_MODEL = "hfdl://"
CODE = (
    "task", "model.class", "model.attention", "train.metrics", "train.callbacks", "train.optimizer",
)  # fmt: skip
"""The keys that may name code of the user's own."""
_OF_A_NEW_MODEL = ("tokenizer", "vectors", "config")
# New models whose sizes have the same names. Those of all others mean nothing to each other.
_SAME_SIZES = (
    {"lstm", "gru", "rnn"}, {"encoder", "decoder"}, {"bert", "roberta", "xlm-roberta", "electra"},
    {"llama", "mistral", "qwen2", "qwen3"},
)  # fmt: skip


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
        data = without_code(document.data, _folder_of(name_or_path), CODE)
        origin = Origin(document.source, document.lines, overrides)
    recipe = _validate(merge(_for_another_model(data, overrides), overrides), origin)
    named = {".".join(path): value for path, value in settings(recipe.model_dump())}
    _refuse_half_characters(named)
    if folder := _folder_of(name_or_path):
        refuse_code_inside({key: named.get(key) for key in CODE}, folder)
    return recipe


def _refuse_half_characters(named: Mapping[str, Any]) -> None:
    """Refuse what recipe.yaml, which is UTF-8, cannot hold: a file name in another encoding."""
    for key, value in named.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and re.search("[\ud800-\udfff]", text):
                raise ConfigError(
                    f"{text!a} is not UTF-8",
                    where=key,
                    rule="a recipe is UTF-8, and so is what it names",
                    remedy="rename the file",
                )


def _folder_of(name_or_path: str | Path | Recipe) -> Path | None:
    """The folder that a recipe's file stands in; None of a recipe that comes with hfdl."""
    if isinstance(name_or_path, Recipe) or str(name_or_path) in recipe_names():
        return None
    path = Path(name_or_path).expanduser()
    return path if path.is_dir() else path.parent


def _for_another_model(data: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe whose new model is replaced, without what only that model has.

    Beside a saved model that is all that a new one is made of; beside another new one its sizes,
    where they have other names. The size of the vocabulary is learned from the data for either.
    """
    model, name = data.get("model"), dict(settings(overrides)).get(("model", "name"))
    if not isinstance(model, dict) or not str(model.get("name")).startswith(_NEW_MODEL):
        return dict(data)
    if not isinstance(name, str):
        return dict(data)
    if name.startswith(_NEW_MODEL):
        return {**data, "model": _without_sizes_of_others(model, name)}
    kept = {key: value for key, value in model.items() if key not in _OF_A_NEW_MODEL}
    return {**data, "model": kept}


def _without_sizes_of_others(model: Mapping[str, Any], name: str) -> dict[str, Any]:
    names = {each.removeprefix(_NEW_MODEL) for each in (str(model["name"]), name)}
    sizes = model.get("config")
    if not isinstance(sizes, dict) or len(names) == 1 or any(names <= s for s in _SAME_SIZES):
        return dict(model)
    return {**model, "config": {k: v for k, v in sizes.items() if k == "vocab_size"} or None}


def _validate(data: dict[str, Any], origin: Origin) -> Recipe:
    check_shapes(data.get(SPACE), origin)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise config_error(error.errors(include_url=False), data, origin) from None
    if path := misread_boolean(recipe, data):
        raise wrong_value(path, functools.reduce(getitem, path, data), (), origin)
    if recipe.search:
        # Each value as if it had been an override.
        plain = {key: value for key, value in data.items() if key != SPACE}
        check_values(recipe, origin, functools.partial(_with_one, plain))
    return recipe


def _with_one(data: Mapping[str, Any], override: Mapping[str, Any]) -> Recipe:
    return _validate(merge(data, override), Origin(None, {}, override))


def _read(name_or_path: str | Path) -> Document:
    name = str(name_or_path)
    if isinstance(name_or_path, str) and name in recipe_names():
        return parse_document(recipe_text(name), f"recipe {name}")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _read_run(path)
    if isinstance(name_or_path, Path) or path.suffix in (_SUFFIX, ".yml") or len(path.parts) > 1:
        if not path.exists() and path.stem in recipe_names():
            raise ConfigError("no such file", where=name, remedy=f"did you mean {path.stem!r}?")
        if not path.exists() and not path.suffix:
            raise ConfigError(
                "no such folder", where=name,
                rule="a recipe is a shipped name, a .yaml file or a run's folder",
                remedy="check the path, or see the shipped ones with: hfdl recipes list",
            )  # fmt: skip
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


# ---- The recipes that come with hfdl: every YAML file under the package ``hfdl.recipes`` ---------


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


# ---- Data given as Python objects: a recipe is text, so a marker stands in it for the object -----

MEMORY = "memory://"
"""What the marker of an object begins with."""

_SOURCES = {("data", split) for split in ("train", "validation", "test")}


def take_objects(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take data objects out of overrides.

    Args:
        overrides: dotted or nested keys. ``data.train``, ``.validation`` and ``.test`` may be a
            Dataset, a DataFrame, a list of dicts or a dict of lists.

    Returns:
        the overrides, dotted, with a marker (``memory://train``) in place of each object, and the
        objects by marker.
    """
    plain: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for path, value in settings(overrides):
        key = ".".join(path)
        if path in _SOURCES and _are_files(value):
            value = [str(file) for file in value]
        elif path in _SOURCES and value is not None and not isinstance(value, str | PurePath):
            marker = f"{MEMORY}{path[-1]}"
            objects[marker] = value
            value = marker
        plain.pop(key, None)
        plain[key] = value
    return plain, objects


def _are_files(value: Any) -> bool:
    """Whether a list names files; any other list is data."""
    listed = isinstance(value, list | tuple) and bool(value)
    return listed and all(isinstance(item, str | PurePath) for item in value)


def take_model(
    overrides: Mapping[str, Any], memory: Mapping[str, Any], model: Any, tokenizer: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take a model that was given as an object into the overrides, as ``take_objects`` does data.

    Args:
        overrides: dotted, as ``take_objects`` gives them.
        memory: objects by marker.
        model: a module; or a name or a folder, which is ``model.name``; None: there is none.
        tokenizer: the module's; None: that of ``model.name``, else of the folder that the module
            or the tokenizer says it came from.

    Returns:
        both with the model in them.

    Raises:
        ConfigError: it is no model, or nobody says which tokenizer it reads with.
    """
    if model is None and tokenizer is None:
        return dict(overrides), dict(memory)
    if model is None:
        raise ConfigError(
            "a tokenizer was given without its model",
            where="tokenizer",
            rule="model.name brings its own",
            remedy="give model=MODULE, too; or leave it out",
        )
    if isinstance(model, str | PurePath) and tokenizer is None:
        return {**overrides, "model.name": str(model)}, dict(memory)
    if isinstance(model, str | PurePath | type) or not callable(getattr(model, "forward", None)):
        raise ConfigError(
            f"model is {type(model).__name__}" if not isinstance(model, type)
            else f"{model.__name__} is a class",
            where="model",
            rule="it is a torch module, with tokenizer= beside it, or the name of a model",
            remedy="give model=MODULE, or the class by its file: model.class=FILE.py:CLASS",
        )  # fmt: skip
    origins = (
        overrides.get("model.name"),
        getattr(tokenizer, "name_or_path", None),
        getattr(model, "name_or_path", None),
        None if tokenizer is None else type(model).__name__,
    )
    name = next((str(origin) for origin in origins if origin), None)
    if name is None:
        raise ConfigError(
            f"the tokenizer of {type(model).__name__} is not known",
            where="tokenizer",
            rule="a model reads the ids of one tokenizer",
            remedy="give tokenizer=..., or model.name=FOLDER of a model with the same one",
        )
    objects = {f"{MEMORY}model": model, f"{MEMORY}tokenizer": tokenizer}
    return (
        {**overrides, "model.name": name, "model.class": f"{MEMORY}model"},
        {**memory, **{marker: each for marker, each in objects.items() if each is not None}},
    )
