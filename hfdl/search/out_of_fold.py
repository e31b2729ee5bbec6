"""Out-of-fold predictions: what was said of each training example by a model that had not seen it.

Whoever looks for wrong labels reads them: a model says of what it was trained on what it was told.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.report.record import read_run
from hfdl.search.layout import Layout
from hfdl.search.plan import Plan
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.registry import task_for_training, task_spec
from hfdl.tasks.tables import held_out_rows, no_strata
from hfdl.training.files import json_text, replace_text


def write_out_of_fold(
    plan: Plan, layout: Layout, number: int, settings: Mapping[str, Any],
    memory: Mapping[str, Any], path: Path,
) -> None:  # fmt: skip
    """Join the validation predictions of a trial's folds into one file.

    Args:
        plan, layout: of the study.
        number: the trial's.
        settings: what it tried.
        memory: data objects by marker.
        path: the file: a line for each row of train, as in predictions.jsonl, in the order of
            train. ``split`` is train, ``index`` the row from 0, ``fold`` the one it was left out
            of. Rows that no fold left out have no line.
    """
    records: list[dict[str, Any]] = []
    for fold in range(plan.folds or 0):
        recipe = plan.of_trial(settings, fold)
        task = task_for_training(recipe, memory)
        strata = task.strata if isinstance(task, PretrainedTask) else no_strata
        seed, rows_of = recipe.train.seed, task_spec(recipe.task).rows
        rows = held_out_rows(recipe.data, memory, seed, strata, rows_of)
        own = read_run(layout.trial(number, fold)).predictions
        held_out = [line for line in own if line["split"] == "validation"]
        records += [
            {**line, "split": "train", "index": row, "fold": fold}
            for row, line in zip(rows, held_out, strict=True)
        ]
    records.sort(key=lambda line: line["index"])
    replace_text(path, "".join(f"{json_text(line)}\n" for line in records))
