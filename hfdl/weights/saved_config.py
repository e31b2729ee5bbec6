"""What the config.json of a model folder says, before transformers reads it."""

from __future__ import annotations

import json
from pathlib import Path

from hfdl.errors import ModelError


def architecture(folder: Path) -> dict[str, object]:
    """The parsed config.json of a model folder.

    Raises:
        ModelError: it is not JSON, or no object.
    """
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # the latter of thousands of brackets
        raise _damaged_config(file, str(error)) from None
    if not isinstance(config, dict):
        raise _damaged_config(file, f"it holds a {type(config).__name__}")
    return config


def saved_class_name(folder: Path) -> str | None:
    """The first of the ``architectures`` in config.json: the class that was saved, if it says so.

    Raises:
        ModelError: as ``architecture``.
    """
    names = architecture(folder).get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    return name if isinstance(name, str) else None


def _damaged_config(file: Path, reason: str) -> ModelError:
    return ModelError(
        f"not the config of a model: {reason}",
        where=str(file),
        rule="config.json is a JSON object",
        remedy="check the folder, or choose another model",
    )
