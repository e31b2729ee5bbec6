"""The files that training depends on, beside data and model."""

from __future__ import annotations

from pathlib import Path

from hfdl.config.overrides import settings
from hfdl.config.own_code import is_own_path, load_own
from hfdl.config.schema import Recipe

OWN_CODE = ("train.optimizer",)
"""The keys that may name code. That of a task is known by its classes."""


def files_of(recipe: Recipe) -> dict[str, Path]:
    """The file of word vectors, and those of the user's own code, by the key that names them."""
    vectors = recipe.model.vectors
    files = {"model.vectors": Path(vectors).expanduser()} if vectors else {}
    for path, value in settings(recipe.model_dump()):
        key = ".".join(path)
        if key in OWN_CODE and isinstance(value, str) and is_own_path(value):
            file = load_own(value, key, "code").file
            files |= {key: file} if file is not None else {}
    return files
