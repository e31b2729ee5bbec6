"""Tasks by name. Adding a task is adding a line here and a module beside it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.weights.resolve import architecture

if TYPE_CHECKING:
    from pathlib import Path

    from hfdl.config.schema import Recipe
    from hfdl.tasks.protocol import Task

# name -> the module and class that implement it. Strings, so that looking up a name is cheap.
TASKS: dict[str, tuple[str, str]] = {
    "text_classification": ("hfdl.tasks.text_classification.task", "TextClassification"),
    "token_classification": ("hfdl.tasks.token_classification.task", "TokenClassification"),
    "masked_lm": ("hfdl.tasks.language_modeling.masked_lm", "MaskedLM"),
    "causal_lm": ("hfdl.tasks.language_modeling.causal_lm", "CausalLM"),
    "translation": ("hfdl.tasks.translation.task", "Translation"),
}
ALIASES: dict[str, str] = {
    "sentiment": "text_classification",
    "sentiment-analysis": "text_classification",
    "text-classification": "text_classification",
    "ner": "token_classification",
    "token-classification": "token_classification",
    "mlm": "masked_lm",
    "fill-mask": "masked_lm",
    "clm": "causal_lm",
    "text-generation": "causal_lm",
}
# What a model folder's `architectures` ends in, for a model that hfdl did not train.
ARCHITECTURE_SUFFIXES: dict[str, str] = {
    "ForSequenceClassification": "text_classification",
    "ForTokenClassification": "token_classification",
    "ForMaskedLM": "masked_lm",
    "ForCausalLM": "causal_lm",
    "LMHeadModel": "causal_lm",
    "ForConditionalGeneration": "translation",
}


def canonical_name(name: str) -> str:
    """The task's own name for any of its aliases.

    Raises:
        ConfigError: no task of that name; the message names the nearest one.
    """
    canonical = ALIASES.get(name, name)
    if canonical not in TASKS:
        raise ConfigError(
            f"unknown task {name!r}", where="task", remedy=did_you_mean(name, [*TASKS, *ALIASES])
        )
    return canonical


def task_class(name: str) -> Any:
    """The class that implements a task, imported now."""
    module, attribute = TASKS[canonical_name(name)]
    return getattr(import_module(module), attribute)


def task_for_training(recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Task:
    """A task that will read its labels from the training data.

    Args:
        recipe: the whole recipe.
        memory: data objects given from Python, by the marker that stands in the recipe.
    """
    return task_class(recipe.task).for_training(recipe, memory)


def task_for_model(folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Task:
    """A task whose labels are those of a saved model.

    Args:
        folder: the model's folder.
        recipe: how its texts are read, and the columns of the data.
        memory: as for ``task_for_training``.
    """
    return task_class(recipe.task).for_model(folder, recipe, memory)


def task_of_model(folder: Path) -> str:
    """The task that a model's architecture is for.

    Raises:
        ModelError: it belongs to none of hfdl's tasks.
    """
    names = architecture(folder).get("architectures") or []
    for name in names if isinstance(names, list) else []:
        for suffix, task in ARCHITECTURE_SUFFIXES.items():
            if str(name).endswith(suffix):
                return task
    raise ModelError(
        f"the architectures {names} belong to none of hfdl's tasks",
        where=str(folder / "config.json"),
        rule=f"known endings: {', '.join(ARCHITECTURE_SUFFIXES)}",
        remedy="fine-tune the model first: hfdl train RECIPE model.name=FOLDER",
    )
