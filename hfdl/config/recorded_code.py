"""Code of the user's own that weights were trained with, as their config.json records it.

A record is ``{"name": "file.py:NAME", "sha256": ...}``, so that whoever opens the weights is told
if the code is gone or another. Only code outside the model's folder is ever imported: a folder that
was downloaded brings none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    _refuse_downloaded(path, digest, folder, key)
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


def _refuse_downloaded(path: str, digest: str | None, folder: str, key: str) -> None:
    """Of a model from the Hub, take a file of the working folder whose digest is known, no other.

    Raises:
        ConfigError: it names a module, or a place on this machine.
    """
    if of_the_hub(Path(folder)) and (digest is None or Path(path).is_absolute()):
        raise ConfigError(
            f"its config.json asks for the code {path}",
            where=folder,
            rule="of a downloaded model only a file of the working folder is run, and only if its "
            "SHA-256 is the recorded one",
            remedy=f"if you trust it, name it: {as_override(key, path)} (of hfdl evaluate)",
        )


def _elsewhere(key: str, file: Path, path: str) -> str:
    return as_override(key, f"PATH/{file.name}:{path.rpartition(':')[2]}")


def of_the_hub(folder: Path) -> bool:
    """Whether a folder is a snapshot in the Hub's cache: somebody else may have written it."""
    return folder.parent.name == "snapshots"


def without_code(data: Mapping[str, Any], folder: Path | None, keys: Sequence[str]) -> Any:
    """A recipe that came from the Hub, without the code that it names: it is not run.

    Metrics, callbacks and optimizers are for training; of a class and an attention config.json has
    a record. A task of its own cannot be done without.

    Args:
        data: the recipe as its file has it.
        folder: where it stands; the recipes of other folders are left as they are.
        keys: those that may name code.

    Raises:
        ConfigError: its task is code.
    """
    if folder is None or not of_the_hub(folder):
        return data
    task = data.get("task")
    if isinstance(task, str) and is_own_path(task):
        raise ConfigError(
            f"its recipe asks for code, task: {task}",
            where=str(folder),
            rule="code that a downloaded recipe names is never run",
            remedy="if you trust it, copy the folder elsewhere and open that, with the code beside "
            "you",
        )
    cleaned = {key: dict(part) if isinstance(part, dict) else part for key, part in data.items()}
    for key in keys:
        group, _, name = key.rpartition(".")
        section = cleaned.get(group) if group else None
        value = section.get(name) if isinstance(section, dict) else None
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, str) and is_own_path(path):
                section.pop(name, None)  # pyright: ignore[reportOptionalMemberAccess]
    return cleaned


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
