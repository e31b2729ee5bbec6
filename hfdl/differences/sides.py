"""One side of a comparison: what a model answered to each example of a held-out split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.config.load import take_objects
from hfdl.config.overrides import settings
from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError, DataError
from hfdl.report.record import Record, RunRecord, read_run
from hfdl.runs.evaluation import record_of
from hfdl.runs.held_out import evaluate_saved
from hfdl.runs.outputs import METRICS, PREDICTIONS
from hfdl.runs.run import held_out_data, own_recipe, resolve
from hfdl.tasks.protocol import Splits, Task
from hfdl.tasks.registry import canonical_name, task_for_model, task_spec
from hfdl.tasks.tables import read_tables
from hfdl.training.events import Listener
from hfdl.weights.resolve import find_model

SPLITS = ("test", "validation")
"""The one that tells most first."""
REMEDY = "measure both on the same file: add --file FILE"


@dataclass(frozen=True)
class Side:
    """A model's answers.

    Args:
        name: as the user gave it.
        record: its figures and its predictions.
        overrides: keys of the data that these are of, if they are not its own.
    """

    name: str
    record: RunRecord
    overrides: Mapping[str, Any]

    def rows(self, split: str) -> list[Record]:
        """Its predictions on a split that have an answer to be compared with, or need none."""
        own = [row for row in self.record.predictions if row.get("split") == split]
        return own if self.record.spec.rows == "texts" else self.record.on(split)

    @property
    def splits(self) -> list[str]:
        """The splits that it has predictions of."""
        return [split for split in SPLITS if self.rows(split)]


def saved_side(name: str) -> Side:
    """What a run or an evaluation left.

    Raises:
        DataError: it left no predictions: a model alone, or a run that is not finished.
    """
    folder = Path(name).expanduser()
    if not (folder / METRICS).is_file() or not (folder / PREDICTIONS).is_file():
        find_model(name, graph=True)  # a name that is nothing is another error
        raise DataError(
            "it has no saved predictions",
            where=name,
            rule="a finished run and the folder of hfdl evaluate have some",
            remedy=REMEDY,
        )
    return Side(name, read_run(folder), {})


@dataclass(frozen=True)
class Measuring:
    """A model that is going to be measured: its task is open, its data are read.

    Args:
        name: as the user gave it.
        task, splits: what will be measured on what.
        overrides: keys of the data that the user gave.
    """

    name: str
    task: Task
    splits: Splits
    overrides: Mapping[str, Any]

    def measured(self, listener: Listener) -> Side:
        """What the model answers."""
        figures = evaluate_saved(self.task, self.splits, listener)
        return Side(self.name, record_of(self.task, self.splits, figures), self.overrides)


def to_be_measured(names: Sequence[str], overrides: Mapping[str, Any]) -> list[Measuring]:
    """Open models and read what they are measured on, before the first of them is.

    Args:
        names: of runs, model folders or Hub ids.
        overrides: ``data.test`` or ``data.validation``, and other keys of the data.

    Raises:
        HfdlError: a model or the data are wrong, or they are of different tasks.
    """
    folders = [find_model(name, graph=True) for name in names]
    resolved = [_resolved(folder, overrides) for folder in folders]
    refuse_other_task(names, [(canonical_name(recipe.task), None) for recipe, _ in resolved])
    opened = []
    for name, folder, (recipe, memory) in zip(names, folders, resolved, strict=True):
        task = task_for_model(folder, recipe, memory=memory)
        splits: Splits = task.prepare(held_out_data(recipe.data, overrides))
        opened.append(Measuring(name, task, splits, overrides))
    return opened


def _resolved(folder: Path, overrides: Mapping[str, Any]) -> tuple[Recipe, dict[str, Any]]:
    """A model's recipe on the user's data."""
    given, memory = take_objects(dict(overrides))
    if {"data.test", "data.validation"} & {".".join(path) for path, _ in settings(given)}:
        # What is left out of a file (data.max_samples) is the same for every model. Of a model's
        # own data it is not: its seed says which rows it has not been trained on.
        given["train.seed"] = 0
    return resolve(own_recipe(folder), given), memory


def refuse_other_task(names: Sequence[str], kinds: Sequence[tuple[str, str | None]]) -> None:
    """Refuse two models whose answers are of different kinds.

    Args:
        names: of A and B.
        kinds: the task of each, and its problem type, if that is known.

    Raises:
        ConfigError: they are of different tasks.
    """
    if kinds[0] == kinds[1]:
        return
    said = [task if kind is None else f"{task} ({kind})" for task, kind in kinds]
    raise ConfigError(
        f"A is of {said[0]}, and B of {said[1]}",
        where=", ".join(names),
        rule="two models of the same task are compared",
        remedy="name two of one task",
    )


def column_values(side: Side, split: str, name: str) -> list[str]:
    """The values of a column of the data, by the number of the row that a prediction has.

    Raises:
        DataError: the data cannot be read, there is no such column, or it is not of the rows.
    """
    table = _tables(side.name, side.overrides)[split]
    values = [str(value) for value in table.column(name, "--by")]
    if len(values) != sum(row.get("split") == split for row in side.record.predictions):
        raise DataError(
            f"the {split} split has {len(values):,} rows, and not as many predictions",
            where=name,
            rule="a column is of the rows that were predicted",
            remedy="leave --by out",
        )
    return values


def refuse_no_column(one: Measuring, names: Sequence[str]) -> None:
    """Refuse columns that the data do not have, before a model is measured on them.

    Args:
        one: a model whose data are read.
        names: the columns.

    Raises:
        DataError: no such column.
    """
    if not names:
        return
    tables = _tables(one.name, one.overrides)
    for name in names:
        next(tables[split] for split in SPLITS if split in tables).column(name, "--by")


def _tables(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is measured on, by split."""
    recipe, memory = _resolved(find_model(name, graph=True), overrides)
    data, rows = held_out_data(recipe.data, overrides), task_spec(recipe.task).rows
    return read_tables(data, memory, recipe.train.seed, trains=False, rows=rows)[0]


def keys_beside_data(overrides: Mapping[str, Any]) -> list[str]:
    """Keys that are none of the data's."""
    return [".".join(path) for path, _ in settings(overrides) if path[0] != "data"]
