"""The files that training depends on, beside data and model."""

from __future__ import annotations

from pathlib import Path

from hfdl.config.overrides import settings
from hfdl.config.own_code import load_own
from hfdl.config.own_paths import is_own_path
from hfdl.config.schema import Recipe

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
