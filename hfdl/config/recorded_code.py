"""Code of the user's own that weights were trained with, as their config.json records it.

A record is ``{"name": "file.py:NAME", "sha256": ...}``, so that whoever opens the weights is told
if the code is gone or another. Only code outside the model's folder is ever imported: a folder that
was downloaded brings none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.own_code import load_own, sha256
from hfdl.config.own_paths import file_of_path, is_own_path
from hfdl.errors import ConfigError, shell_path


def recorded(config: Any, record: str) -> dict[str, Any] | None:
    """What a model's config says of the code that its weights belong to.

    Args:
        config: a transformers config.
        record: the key of it.
    """
    found: Any = getattr(config, record, None)
    return found if isinstance(found, dict) and isinstance(found.get("name"), str) else None


def check_recorded(
    record: Mapping[str, Any], folder: str, *, key: str, what: str, otherwise: str = ""
) -> None:
    """Refuse recorded code that is gone, has changed, or lies in the model's folder.

    Args:
        record: what ``recorded`` gave.
        folder: the model's.
        key: of the recipe, which may name another place of it.
        what: the code in words, such as ``attention``.
        otherwise: what else can be done, for the message.

    Raises:
        ConfigError: naming the file.
    """
    path, digest = record["name"], record.get("sha256")
    if not is_own_path(path):
        return
    file = file_of_path(path)
    if file is not None and _is_inside(file, Path(folder)):
        raise ConfigError(
            f"its config.json asks for code of its own folder, {file.name}",
            where=folder,
            rule="code in a model folder is never run",
            remedy="if you trust it, move the file elsewhere and name it: "
            f"hfdl evaluate {shell_path(folder)} {_elsewhere(key, file, path)}",
        )
    if digest is None:
        return
    file = file or load_own(path, key, f"{what} code").file
    if file is None:
        return
    gone = not file.is_file()
    if gone or sha256(file) != digest:
        raise ConfigError(
            f"{file} {'is gone' if gone else 'has changed'} since the model was trained with its "
            f"{what} {path.rpartition(':')[2]}",
            where=folder,
            rule=f"the weights belong to the {what} that they were trained with (its SHA-256 is "
            "in config.json)",
            remedy="put the file back as it was; evaluate and train take another place "
            f"of it, too: {_elsewhere(key, file, path)}{otherwise}",
        )


def _elsewhere(key: str, file: Path, path: str) -> str:
    return as_override(key, f"PATH/{file.name}:{path.rpartition(':')[2]}")


def refuse_code_inside(named: Mapping[str, Any], folder: Path) -> None:
    """Refuse a recipe of a model folder that names code of that folder.

    Args:
        named: values of the recipe by key.
        folder: where the recipe stands; where it holds no model, its code is the user's own.

    Raises:
        ConfigError: naming the key.
    """
    if not (folder / "config.json").is_file():
        return
    for key, value in named.items():
        for path in value if isinstance(value, list) else [value]:
            own = isinstance(path, str) and is_own_path(path)
            file = file_of_path(path) if own else None
            if file is not None and _is_inside(file, folder):
                raise ConfigError(
                    f"its recipe asks for code of its own folder, {file.name}",
                    where=str(folder),
                    rule="code in a model folder is never run",
                    remedy=f"if you trust it, move the file elsewhere and change {key} in "
                    "recipe.yaml",
                )


def _is_inside(file: Path, folder: Path) -> bool:
    """Whether a file stands in a folder, as it is named or where its links lead."""
    folders = {folder.absolute(), folder.resolve()}
    return any(root in (*file.absolute().parents, *file.resolve().parents) for root in folders)
