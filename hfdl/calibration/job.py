"""A classifier that is open for calibrating, with what it was before any calibration in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hfdl.calibration import head
from hfdl.calibration.kept import read_kept
from hfdl.calibration.refusals import no_temperature, no_validation, other_rows
from hfdl.calibration.weight_file import files_of, name_in_file
from hfdl.config.schema import Recipe
from hfdl.errors import DataError
from hfdl.progress import tell
from hfdl.runs.outputs import METRICS, PREDICTIONS
from hfdl.runs.run import held_out_data, own_recipe, resolve
from hfdl.tasks.protocol import Split
from hfdl.tasks.registry import task_for_model
from hfdl.training.events import Listener, Noted
from hfdl.weights.parameter_names import all_names


@dataclass(frozen=True)
class Job:
    """See the module.

    Args:
        folder: the model's; what is written goes there.
        task, fitted_on: the task, and the splits that the temperature is fitted and tested on.
        own_task, own: those that the folder's own figures are of; none of a model that is no run.
        model: in eval mode, its last layer as it was before any calibration.
        device: where it is.
        parameters: of its last layer, as the model names them.
        original: by weight file the tensors of that layer.
    """

    folder: Path
    task: Any
    fitted_on: dict[str, Split]
    own_task: Any
    own: dict[str, Split]
    model: torch.nn.Module
    device: torch.device
    parameters: list[str]
    original: dict[str, dict[str, Tensor]]

    def divided(self, temperature: float) -> dict[str, dict[str, Tensor]]:
        """Divide the model's last layer in memory; by weight file what its tensors are then."""
        values = head.divide(self.model, self.parameters, temperature)
        called = all_names(self.model)
        named = {
            name_in_file(self.original, called[name]): value.cpu() for name, value in values.items()
        }
        return {
            file: {name: named[name] for name in tensors} for file, tensors in self.original.items()
        }


def opened(
    folder: Path,
    recipe: Recipe,
    overrides: Mapping[str, Any],
    memory: Mapping[str, Any],
    listener: Listener,
    where: str,
) -> Job:
    """Read the data, open the model, and find its last layer.

    Args:
        folder: the model's.
        recipe: with the overrides in it.
        overrides: by the user.
        memory: data objects.
        listener: takes the lines about the data.
        where: what the user named, for messages.

    Raises:
        HfdlError: data or model are wrong, or cannot be calibrated.
    """
    task: Any = task_for_model(folder, recipe, memory=memory)
    splits = task.prepare(held_out_data(recipe.data, overrides))
    for fact in splits.facts:
        listener(Noted(fact))
    if task.no_temperature is not None:
        raise no_temperature(recipe.task, task.no_temperature, where)
    if splits.validation is None or not len(splits.validation):
        raise no_validation(where)
    held_out = {name: split for name, split in splits.named().items() if name != "train"}
    own_task, own = _own(folder, overrides, task, held_out)
    tell("opening the model")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = task.load_model().to(device)
    inputs = splits.validation.batch([0], seed=0, epoch=0).to(device).inputs
    parameters = head.head_parameters(model, inputs, where)
    original = _original(folder, model, parameters)
    for each in (task, own_task):
        each.take_temperature(1.0)  # thresholds as they were
    return Job(folder, task, held_out, own_task, own, model, device, parameters, original)


def _own(
    folder: Path, overrides: Mapping[str, Any], task: Any, held_out: dict[str, Split]
) -> tuple[Any, dict[str, Split]]:
    """The task of the folder's own figures, and their splits.

    Data that are given again, since they were an object, are the run's if they are what was saved.
    """
    if not (folder / METRICS).is_file():
        return task, {}
    if not overrides or _are_saved(folder, held_out):
        return task, held_out
    recipe = resolve(own_recipe(folder), {})
    own: Any = task_for_model(folder, recipe)
    try:
        data = held_out_data(recipe.data, {})
    except DataError:  # it was an object
        raise other_rows(str(folder)) from None
    splits = own.prepare(data)
    return own, {name: split for name, split in splits.named().items() if name != "train"}


def _are_saved(folder: Path, held_out: Mapping[str, Split]) -> bool:
    """Whether these are the examples that predictions.jsonl is of."""
    try:
        lines = (folder / PREDICTIONS).read_text(encoding="utf-8").splitlines()
        saved = [json.loads(line) for line in lines]
    except (OSError, ValueError):
        return False
    named = [(name, i) for name, split in held_out.items() for i in range(len(split))]
    given = ((name, held_out[name].describe(i)) for name, i in named)
    return len(saved) == len(named) and all(
        (row.get("split"), row.get("text"), row.get("label")) == (name, one["text"], one["label"])
        for row, (name, one) in zip(saved, given, strict=True)
    )


def _original(
    folder: Path, model: torch.nn.Module, parameters: list[str]
) -> dict[str, dict[str, Tensor]]:
    """By file the last layer's tensors as they were; the model has them, too."""
    held = {name: model.get_parameter(name).detach().clone() for name in parameters}
    called = all_names(model)
    found = files_of(folder, held, called)
    kept = read_kept(folder)
    if kept is None:
        return {f: {n: t.cpu() for n, t in tensors.items()} for f, tensors in found.items()}
    before = {name_in_file(kept.files, called[name]): name for name in parameters}
    values = {before[n]: t for tensors in kept.files.values() for n, t in tensors.items()}
    head.put(model, values)
    return kept.files
