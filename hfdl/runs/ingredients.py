"""The files that training depends on: data, model, word vectors, the user's own code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hfdl.config.load import recipe_names
from hfdl.config.overrides import settings
from hfdl.config.own_code import load_own
from hfdl.config.own_paths import file_of_path, is_own_path
from hfdl.config.schema import Recipe
from hfdl.data.readers.several_files import expanded, is_pattern
from hfdl.errors import DataError, OutputError
from hfdl.weights.graph_files import graph_alone, is_graph

OWN_CODE = ("model.class", "model.attention", "train.optimizer", "train.metrics")
"""The keys whose code a run depends on. That of a task is known by its classes.

Callbacks only listen; one that raised is mended and the run resumed."""


def files_of(recipe: Recipe) -> dict[str, Path]:
    """The file of word vectors, and those of the user's own code, by the key that names them.

    Where a key takes several, each has its number: ``train.metrics[1]``.
    """
    vectors = recipe.model.vectors
    files = {"model.vectors": Path(vectors).expanduser()} if vectors else {}
    for path, value in settings(recipe.model_dump()):
        key = ".".join(path)
        if key not in OWN_CODE:
            continue
        several = isinstance(value, list)
        named = {f"{key}[{i}]": one for i, one in enumerate(value)} if several else {key: value}
        for place, code in named.items():
            if code and is_own_path(code) and (file := load_own(code, key, "code").file):
                files[place] = file
    return files


def refuse_graph(recipe: str | Path | Recipe) -> None:
    """Refuse to train from the folder of a graph, whose recipe is of the run it was made of.

    That recipe would train its base model anew, where what lies in the folder was meant.

    Raises:
        ModelError: naming that run.
    """
    if isinstance(recipe, Recipe) or str(recipe) in recipe_names():
        return
    if is_graph(Path(recipe).expanduser()):
        raise graph_alone(Path(recipe))


def refuse_inputs_inside(folder: Path, recipe: Recipe) -> None:
    """Refuse to replace a folder that the new run reads from; changes nothing.

    Args:
        folder: what ``--overwrite`` would empty.
        recipe: of the run that would replace it.

    Raises:
        OutputError: naming the key, and the file or folder.
    """
    outer = folder.resolve()
    for key, value in settings(recipe.model_dump()):
        for path in _paths_in(value):
            if path.resolve().is_relative_to(outer):
                raise OutputError(
                    f"{'.'.join(key)} is in this folder: {path}",
                    where=str(folder),
                    rule="--overwrite removes all that a folder holds before the new run begins",
                    remedy="choose another --output",
                )


def _paths_in(value: Any) -> Iterator[Path]:
    """The files and folders that a value of a recipe names, patterns (``data/*.csv``) too."""
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _paths_in(one)
    elif isinstance(value, str) and value:
        own = file_of_path(value) if is_own_path(value) else None
        path = own or Path(value).expanduser()
        if path.exists():
            yield path
        elif is_pattern(value):
            with suppress(DataError):  # whoever reads it says that nothing matches
                yield from map(Path, expanded(value))
