"""Evaluating a saved model: its figures, and a folder of their own for the report and mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hfdl.config.schema import Recipe
from hfdl.config.yaml import dump_recipe
from hfdl.environment import machine, versions
from hfdl.progress import tell
from hfdl.quantization.precision import FLOAT32
from hfdl.report import write_report
from hfdl.report.mistakes import mistakes
from hfdl.report.record import RunRecord
from hfdl.runs.held_out import prediction_records
from hfdl.runs.log import LOG
from hfdl.runs.outputs import RECIPE, RunFolder
from hfdl.runs.precision_cost import Cost, costs
from hfdl.tasks.protocol import Splits, Task
from hfdl.training.evaluation import Evaluation
from hfdl.training.files import json_text

MISTAKES = "mistakes.jsonl"


def record_of(task: Task, splits: Splits, evaluations: Mapping[str, Evaluation]) -> RunRecord:
    """What the files of an evaluation would hold."""
    held_out = {name: split for name, split in splits.named().items() if name in evaluations}
    metrics = {name: result.metrics for name, result in evaluations.items()}
    predictions = list(prediction_records(held_out, evaluations))
    return RunRecord({}, "", {**task.facts(), **metrics}, [], predictions)


def worst_first(record: RunRecord) -> list[dict[str, Any]]:
    """The mistakes on every split, those of the test split first."""
    return [row for split in record.splits for row in mistakes(record, split)]


def costs_of(
    record: RunRecord,
    task: Task,
    splits: Splits,
    exact: Mapping[str, Evaluation],
    precision: str,
) -> list[Cost]:
    """What a precision costs; nothing in float32.

    Args:
        record: of the answers in that precision.
        task, splits: of both.
        exact: the evaluations in float32.
        precision: which one.
    """
    if precision == FLOAT32:
        return []
    return costs(record_of(task, splits, exact), record, precision)


def write_evaluation(
    folder: RunFolder,
    record: RunRecord,
    recipe: Recipe,
    notes: Sequence[str],
    *,
    precision: str = FLOAT32,
    costs: Sequence[Cost] = (),
) -> Path:
    """Write recipe.yaml, metrics.json, predictions.jsonl, mistakes.jsonl, log.jsonl, report.html.

    Args:
        folder: checked already.
        record: the figures and predictions.
        recipe: with the data that they are of.
        notes: lines for a person about that data.
        precision: that the model was run in.
        costs: what it costs.

    Returns:
        the folder.
    """
    tell("writing the report")
    folder.create(resume=False, overwrite=False)
    folder.write_recipe(dump_recipe(recipe, file=RECIPE))
    folder.write_predictions(record.predictions)
    environment = {**versions(), **machine(), "precision": precision}
    beside = {"costs": [cost.to_dict() for cost in costs]} if costs else {}
    folder.write_metrics({**record.metrics, **beside, "environment": environment})
    notes = [*notes, *(cost.line() for cost in costs)]
    _write_lines(folder.path / LOG, [{"event": "note", "text": note} for note in notes])
    _write_lines(folder.path / MISTAKES, worst_first(record))
    write_report(folder.path)
    return folder.path


def _write_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    lines = (json_text(record) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
