"""One side of a comparison: what a model answered to each example of a held-out split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.config.load import take_objects
from hfdl.config.overrides import settings
from hfdl.errors import DataError
from hfdl.report.record import Record, RunRecord, read_run
from hfdl.runs.evaluation import record_of
from hfdl.runs.held_out import evaluate_saved
from hfdl.runs.outputs import METRICS, PREDICTIONS
from hfdl.runs.run import held_out_data, own_recipe, resolve
from hfdl.tasks.protocol import Splits
from hfdl.tasks.registry import task_for_model
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
        find_model(name)  # a name that is nothing is another error
        raise DataError(
            "it has no saved predictions",
            where=name,
            rule="a finished run and the folder of hfdl evaluate have some",
            remedy=REMEDY,
        )
    return Side(name, read_run(folder), {})


def measured_side(name: str, overrides: Mapping[str, Any], listener: Listener) -> Side:
    """What a model answers on data of the user's.

    Args:
        name: a run, a model folder or a Hub id.
        overrides: ``data.test`` or ``data.validation``, and other keys of the data.
        listener: takes the events.

    Raises:
        HfdlError: model or data are wrong.
    """
    given, memory = take_objects(dict(overrides))
    folder = find_model(name)
    recipe = resolve(own_recipe(folder), given)
    task = task_for_model(folder, recipe, memory=memory)
    splits: Splits = task.prepare(held_out_data(recipe.data, given))
    return Side(name, record_of(task, splits, evaluate_saved(task, splits, listener)), overrides)


def column_values(side: Side, split: str, name: str) -> list[str]:
    """The values of a column of the data, by the number of the row that a prediction has.

    Raises:
        DataError: the data cannot be read, there is no such column, or it is not of the rows.
    """
    given, memory = take_objects(dict(side.overrides))
    folder = find_model(side.name)
    recipe = resolve(own_recipe(folder), given)
    data = held_out_data(recipe.data, given)
    rows = side.record.spec.rows
    tables, _ = read_tables(data, memory, recipe.train.seed, trains=False, rows=rows)
    table = tables[split]
    values = [str(value) for value in table.column(name, "--by")]
    if len(values) != sum(row.get("split") == split for row in side.record.predictions):
        raise DataError(
            f"the {split} split has {len(values):,} rows, and not as many predictions",
            where=name,
            rule="a column is of the rows that were predicted",
            remedy="leave --by out",
        )
    return values


def keys_beside_data(overrides: Mapping[str, Any]) -> list[str]:
    """Keys that are none of the data's."""
    return [".".join(path) for path, _ in settings(overrides) if path[0] != "data"]
