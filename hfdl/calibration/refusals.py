"""The errors of calibrating, each with what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.config.overrides import settings
from hfdl.errors import ConfigError, DataError, ModelError, OutputError, shell_path, to_resume
from hfdl.runs.outputs import METRICS, RECIPE
from hfdl.tasks.registry import task_class, task_spec


def check_settings(overrides: Mapping[str, Any]) -> None:
    """Refuse keys that are none of the data's.

    Raises:
        ConfigError: naming the key.
    """
    for path, _ in settings(overrides):
        if path[0] != "data":
            raise ConfigError(
                f"{'.'.join(path)} is no key of the data",
                where="hfdl calibrate",
                rule="a saved model is calibrated as it is",
                remedy=f"leave {'.'.join(path)} out",
            )


def check_task(name: str, where: str) -> None:
    """Refuse tasks whose scores are no probabilities of labels.

    Raises:
        ModelError: saying why.
    """
    if not hasattr(task_class(name), "label_logits"):
        raise no_temperature(name, task_spec(name).no_temperature, where)


def other_rows(where: str) -> DataError:
    """The error where a run's own data were an object, and what is given are other rows."""
    return DataError(
        "the data of its figures was an object in memory, and these are other rows",
        where=where,
        rule="the figures of a run are written anew when it is calibrated",
        remedy="name a file of the rows that it was measured on: data.validation=FILE",
    )


def no_temperature(task: str, reason: str, where: str) -> ModelError:
    """The error for a model whose logits cannot be divided."""
    return ModelError(
        f"a model of {task} has no temperature: {reason}",
        where=where,
        rule="probabilities of labels can be calibrated: of a text's label or labels, of tags",
        remedy="name the run of a classifier",
    )


def check_folder(folder: Path, *, in_place: bool) -> None:
    """Refuse what is no finished run, where it would be changed.

    Raises:
        OutputError: naming the remedy.
    """
    if (folder / RECIPE).is_file() and not (folder / METRICS).is_file():
        raise OutputError(
            "the run is not finished",
            where=str(folder),
            rule="the weights are chosen and saved at its end",
            remedy=f"finish it: {to_resume(folder)}",
        )
    if in_place and not (folder / RECIPE).is_file():
        raise OutputError(
            "it is no run",
            where=str(folder),
            rule="a run is changed in place, and can be taken back; other models stay as they are",
            remedy="write a calibrated copy: add --output DIR",
        )


def no_validation(where: str) -> DataError:
    """The error where there is nothing to fit on."""
    return DataError(
        "there is no validation split",
        where=where,
        rule="a temperature is fitted on answers that were not trained on",
        remedy="give data.validation=FILE",
    )


def no_minimum(items: int, right: int, where: str) -> DataError:
    """The error where no temperature is the best."""
    all_right = right == items
    return DataError(
        f"all {items:,} answers of the validation split are right" if all_right
        else f"the scores of the validation split say nothing of what is right ({right:,} of "
        f"{items:,} are)",
        where=where,
        rule="the log loss then falls without end as the scores become "
        + ("surer" if all_right else "less sure"),
        remedy="give more or harder examples: data.validation=FILE",
    )  # fmt: skip


def not_calibrated(folder: Path) -> OutputError:
    """The error for a run that is to be taken back, and has nothing to go back to."""
    return OutputError(
        "the run is not calibrated",
        where=str(folder),
        rule="--undo takes back what hfdl calibrate did there",
        remedy=f"calibrate it first: hfdl calibrate {shell_path(folder)}",
    )
