"""What is exported: a model that is open, and the texts that its graph is checked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import Recipe
from hfdl.exporting.refusals import no_examples, not_exported
from hfdl.progress import tell
from hfdl.runs.run import held_out_data
from hfdl.tasks.protocol import Split
from hfdl.tasks.registry import task_for_model
from hfdl.training.events import Listener, Noted
from hfdl.weights.graph_model import INPUTS

_HEADS = (
    "AutoModelForSequenceClassification", "AutoModelForTokenClassification",
    "AutoModelForMaskedLM",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """See the module.

    Args:
        name: of the model, as the user gave it.
        folder: the model's.
        model: in eval mode, on the CPU.
        task: the task object; None of a model that makes vectors.
        input_names: the tensors that it reads.
        output_name: what its answer is called.
        split: the texts that its graph is checked on.
    """

    name: str
    folder: Path
    model: torch.nn.Module
    task: Any
    input_names: tuple[str, ...]
    output_name: str
    split: Split


def subject_of_task(
    name: str,
    folder: Path,
    recipe: Recipe,
    overrides: Mapping[str, Any],
    memory: Mapping[str, Any],
    listener: Listener,
) -> Subject:
    """A model with a head, and its validation split.

    Args:
        name: as the user gave it.
        folder: the model's.
        recipe: with the overrides in it.
        overrides: by the user.
        memory: data objects.
        listener: takes the lines about the data.

    Raises:
        HfdlError: data or model are wrong, or its task is none whose models are exported.
    """
    task: Any = task_for_model(folder, recipe, memory=memory)
    if task.auto_class not in _HEADS:
        raise not_exported(recipe.task, name)
    splits = task.prepare(held_out_data(recipe.data, overrides))
    for fact in splits.facts:
        listener(Noted(fact))
    if splits.validation is None or not len(splits.validation):
        raise no_examples(name)
    tell("opening the model")
    model = task.load_model()
    names = input_names(model, task.tokenizer)
    return Subject(name, folder, model, task, names, "logits", splits.validation)


def input_names(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """The tensors that a model reads: types of tokens are only where its tokenizer gives some."""
    with_types = "token_type_ids" in tokenizer.model_input_names
    return INPUTS if with_types else INPUTS[:2]
