"""``calibrate``: fit a temperature on the validation split, fold it into the model, save all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from hfdl.calibration.figures import fitted, split_figures
from hfdl.calibration.job import Job, opened
from hfdl.calibration.kept import RECORD, exchange, read_kept, take_back
from hfdl.calibration.measured import Measured, measure
from hfdl.calibration.refusals import check_settings, check_task, no_minimum, not_calibrated
from hfdl.calibration.result import Calibration
from hfdl.calibration.scaling import probabilities
from hfdl.calibration.target import claimed, drop, remake_pages
from hfdl.config.load import take_objects
from hfdl.config.own_code import no_exit
from hfdl.metrics.calibration import confidences
from hfdl.progress import tell
from hfdl.runs.console import console_listener
from hfdl.runs.held_out import evaluate_split, prediction_records
from hfdl.runs.outputs import METRICS, PREDICTIONS
from hfdl.runs.run import own_recipe, resolve
from hfdl.tasks.protocol import Split
from hfdl.training.evaluation import Evaluation
from hfdl.training.events import Listener
from hfdl.training.files import json_text, replace_text, write_json
from hfdl.training.fingerprint import split_digest
from hfdl.weights.resolve import find_model


@no_exit()
def calibrate(
    run_or_model: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    save: bool = True,
    listener: Listener | None = None,
) -> Calibration:
    """Divide a classifier's logits by the temperature of least log loss on its validation split.

    The temperature is folded into the last layer, so that whoever opens the folder answers
    calibrated. Which label is the likeliest stays; thresholds of several labels move with it.

    Args:
        run_or_model: a run's folder, which is changed in place; or any classifier, with ``output``.
        overrides: keys of the data. With ``data.validation`` the temperature is fitted there.
        output: a new folder for a calibrated copy; the model itself then stays as it is. Not made
            where the scores would become worse.
        save: whether to write anything. Where the scores would become worse nothing is written.
        listener: takes the events. Default: the console.

    Returns:
        the temperature, and figures before and after with intervals; its ``directory`` is None
        where nothing was written.

    Raises:
        HfdlError: the model cannot be calibrated so, or the data or a folder is wrong; nothing was
            written.
    """
    overrides, memory = take_objects(overrides or {})
    check_settings(overrides)
    source = find_model(str(run_or_model))
    recipe = resolve(own_recipe(source), overrides)
    check_task(recipe.task, str(source))
    target = None if output is None else Path(output)
    with (
        claimed(source, target, save=save) as folder,
        console_listener() if listener is None else nullcontext(listener) as notes,
    ):
        job = opened(folder, recipe, overrides, memory, notes, str(source))
        measured = _measured(job, job.task, job.fitted_on)
        found = _fitted(job, measured, str(run_or_model))
        if not save or found.verdict == "worse":
            drop(folder, source)
            return found
        changed = _write(job, found, measured)
    return replace(found, changed=changed, directory=target or source)


@no_exit()
def uncalibrate(run: str | Path) -> Path:
    """Make a calibrated run what it was, its weights bit for bit.

    Returns:
        its folder.

    Raises:
        OutputError: it is not calibrated, or was changed since.
    """
    folder = find_model(str(run))
    with claimed(folder, None, save=True, any_model=True):
        kept = read_kept(folder)
        if kept is None:
            raise not_calibrated(folder)
        take_back(folder, kept)
        remake_pages(folder)
    return folder


def _measured(job: Job, task: Any, splits: Mapping[str, Split]) -> dict[str, Measured]:
    return {name: measure(task, job.model, split, job.device) for name, split in splits.items()}


def _fitted(job: Job, measured: Mapping[str, Measured], model: str) -> Calibration:
    """The temperature, and what it does on validation and test."""
    tell("fitting the temperature")
    validation = measured["validation"].logits
    temperature = fitted(validation)
    if temperature is None:
        _, right = confidences(probabilities(validation, 1.0), validation.targets)
        raise no_minimum(len(right), int(right.sum()), model)
    figures = {
        name: split_figures(one.logits, temperature, cross_fitted=name == "validation")
        for name, one in sorted(measured.items(), reverse=True)
    }
    data = split_digest(job.fitted_on["validation"])
    return Calibration(model, temperature, figures, {}, None, data)


def _write(job: Job, found: Calibration, measured: Mapping[str, Measured]) -> dict[str, int]:
    """Write weights, config, predictions, figures, record and pages; the answers that changed.

    Everything is made before the first file is written.
    """
    if job.own_task is not job.task:
        measured = _measured(job, job.own_task, job.own)
    divided = job.divided(found.temperature)
    settings = job.own_task.take_temperature(found.temperature)
    after = {
        name: evaluate_split(job.own_task, job.model, split, job.device)
        for name, split in job.own.items()
    }
    changed = {name: _changed(measured[name], after[name]) for name in after}
    tell("saving the model")
    exchange(job.folder, job.original, divided)
    if settings:
        _update(job.folder / "config.json", settings)
    if after:
        _write_figures(job, after)
    record = replace(found, changed=changed).to_dict()
    write_json(job.folder / RECORD, record)
    remake_pages(job.folder)
    return changed


def _write_figures(job: Job, after: Mapping[str, Evaluation]) -> None:
    records = prediction_records(job.own, after)
    replace_text(job.folder / PREDICTIONS, "".join(json_text(row) + "\n" for row in records))
    path = job.folder / METRICS
    metrics = json.loads(path.read_text(encoding="utf-8"))
    facts = {key: value for key, value in job.own_task.facts().items() if key in metrics}
    figures = {name: {**metrics.get(name, {}), **one.metrics} for name, one in after.items()}
    write_json(path, {**metrics, **facts, **figures})


def _changed(before: Measured, after: Evaluation) -> int:
    pairs = zip(before.answers, after.predictions, strict=True)
    return sum(one["prediction"] != other["prediction"] for one, other in pairs)


def _update(path: Path, settings: Mapping[str, Any]) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**config, **settings})
