"""What a folder holds of an earlier start of a study."""

from __future__ import annotations

from typing import Any

from hfdl.config.load import load_recipe
from hfdl.config.overrides import settings
from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError, OutputError, listed, shell_path
from hfdl.runs.outputs import RECIPE, RunFolder
from hfdl.search.layout import STUDY, Layout

FREE = ("study.trials", "study.timeout", "study.fresh_seeds", "study.reports")
"""What may change: how long a study goes on, not what it tries."""


def check_folder(layout: Layout, *, resume: bool) -> None:
    """Refuse a folder that cannot be the study's; changes nothing.

    Raises:
        OutputError: it is not empty, or holds no study to resume, or cannot be written.
    """
    folder = layout.folder
    if layout.study.is_file():
        if resume:
            return
        raise OutputError(
            "a study stands in the output folder",
            where=str(folder),
            rule="a study never writes over another",
            remedy="choose another --output, or continue it: hfdl tune "
            f"{shell_path(folder)} --output {shell_path(folder)} --resume",
        )
    if resume:
        raise OutputError(
            "there is no study to resume",
            where=str(folder),
            rule=f"--resume continues a folder that holds {STUDY}",
            remedy="name the folder of a study, or start it without --resume",
        )
    if (folder / RECIPE).is_file():
        raise OutputError(
            "the output folder is that of a single run",
            where=str(folder),
            rule="a study has a folder of its own",
            remedy="choose another --output",
        )
    RunFolder(folder, trains=False).check(resume=False, overwrite=False)


def check_study(layout: Layout) -> None:
    """Refuse a folder in which no study has been begun.

    Raises:
        OutputError: naming it.
    """
    if not layout.study.is_file():
        raise OutputError(
            "there is no study to help with",
            where=str(layout.folder),
            rule=f"--join takes a folder that holds {STUDY}",
            remedy="name the folder of a study that was begun",
        )


def continued(layout: Layout, asked: Recipe) -> Recipe:
    """The recipe of the study in a folder, with what may change as it is asked for now.

    Raises:
        ConfigError: the folder is that of another study.
    """
    begun = load_recipe(layout.study)
    then, now = _by_key(begun), _by_key(asked)
    changed = [key for key in dict.fromkeys([*then, *now]) if then.get(key) != now.get(key)]
    fixed = [key for key in changed if key not in FREE]
    if fixed:
        said = [f"{key} is {now.get(key)!r} and was {then.get(key)!r}" for key in fixed]
        folder = shell_path(layout.folder)
        raise ConfigError(
            f"the study was begun otherwise: {listed(said, most=3)}",
            where=str(layout.study),
            rule="a study is resumed as it was begun",
            remedy="choose another --output without --resume, or continue it with: hfdl tune "
            f"{folder} --output {folder} --resume",
        )
    return asked


def _by_key(recipe: Recipe) -> dict[str, Any]:
    return {".".join(path): value for path, value in settings(recipe.model_dump(mode="json"))}
