"""Opening the model of a pipeline: a run, a folder, a Hub id, or an object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from hfdl.config.load import load_recipe
from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.errors import ConfigError
from hfdl.tasks.registry import refuse_other_task, task_class, task_of_model
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_tokenizer import require_tokenizer, with_padding
from hfdl.weights.sentence.modules import MODULES
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer


@dataclass(frozen=True)
class Located:
    """A model's folder, found once, and the recipe of the run that left it.

    Args:
        folder: the model's.
        recipe: None: no run left it.
        for_answers: whether the model need do nothing but answer, so that it may be opened sooner.
    """

    folder: Path
    recipe: Recipe | None
    for_answers: bool = False

    @property
    def task(self) -> str:
        """The task that it was trained for."""
        return task_of_model(self.folder) if self.recipe is None else self.recipe.task


def locate(model: Any) -> Located:
    """Find a model's folder, and read its recipe.

    Args:
        model: a folder or a Hub id.

    Raises:
        ConfigError: no model was named.
        ModelError: it cannot be found.
    """
    if isinstance(model, Located):
        return model
    if not isinstance(model, str | Path):
        raise ConfigError(
            "neither a task nor a model folder was named",
            rule="a pipeline needs one of them",
            remedy="name one, such as 'sentiment'",
        )
    folder = find_model(str(model), graph=True)
    is_run = (folder / "recipe.yaml").is_file()
    return Located(folder, load_recipe(folder) if is_run else None)


def is_embedder(model: Any) -> bool:
    """Whether a model was made for vectors of texts: sentence-transformers left its modules.json.

    Args:
        model: what ``locate`` found, or a folder; of a Hub id that is not known yet.
    """
    if isinstance(model, Located):
        return model.recipe is None and (model.folder / MODULES).is_file()
    if not isinstance(model, str | Path):
        return False
    folder = Path(model).expanduser()
    return (folder / MODULES).is_file() and not (folder / "recipe.yaml").is_file()


MOST_TASKS = 8
"""Task objects that are kept: who asks decides how many sets of options there are."""


@dataclass
class OpenModel:
    """A model that is ready to answer, and the task objects that encode texts for it.

    Args:
        model: in eval mode.
        tokenizer: its tokenizer, with a padding token.
        folder: where it came from.
        recipe: what it was trained with, or stands in for that.
        name: of the task.
        tasks: the task objects that were used last, by the options that differ from the recipe.
    """

    model: torch.nn.Module
    tokenizer: Any
    folder: Path
    recipe: Recipe
    name: str
    tasks: dict[tuple[tuple[str, Any], ...], Any] = field(default_factory=dict)

    @property
    def config(self) -> Any:
        """The model's transformers config."""
        return self.model.config

    def task(self, data_options: Mapping[str, Any] | None = None) -> Any:
        """The task object, its texts encoded as the recipe says, save for some options.

        Args:
            data_options: keys of the recipe's ``data`` section that take precedence.

        Raises:
            ConfigError: an option's value is wrong.
        """
        options = data_options or {}
        key = tuple(sorted(options.items()))
        found = self.tasks.pop(key, None)
        if found is None:
            recipe = _with_options(self.recipe, options)
            found = task_class(self.name).of_parts(self.folder, self.config, self.tokenizer, recipe)
        self.tasks[key] = found  # behind the others: the first is the one to drop
        while len(self.tasks) > MOST_TASKS:
            del self.tasks[next(iter(self.tasks))]
        return found


def open_model(
    task: str, model: Any, tokenizer: Any, data_options: Mapping[str, Any] | None = None
) -> OpenModel:
    """Open the model of a pipeline.

    Args:
        task: the task's own name.
        model: a folder, a Hub id, what ``locate`` found, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        data_options: keys of the recipe's ``data`` section that take precedence over its own.

    Raises:
        ModelError: it cannot be found or opened, or is not trained for the task.
        ConfigError: an open model without its tokenizer, or a wrong value in
            ``data_options``.
    """
    if isinstance(model, str | Path | Located):
        located = locate(model)
        refuse_other_task(task, located.folder)
        recipe = located.recipe or _plain_recipe(task, located.folder)
        recipe = _with_options(recipe, data_options or {})
        opener = task_class(task).for_model(located.folder, recipe)
        quick = getattr(opener, "answering_model", None) if located.for_answers else None
        loaded = (quick or opener.load_model)()
        return OpenModel(loaded, opener.tokenizer, located.folder, recipe, task, tasks={(): opener})
    require_tokenizer(tokenizer)
    tokenizer = with_padding(tokenizer, "tokenizer")
    refuse_larger_tokenizer(model, tokenizer, None)
    if model.config.pad_token_id is None:  # GPT-2's head finds the last token of a row by it
        model.config.pad_token_id = tokenizer.pad_token_id
    folder = Path(getattr(model, "name_or_path", "") or ".")
    refuse_other_task(task, folder, [type(model).__name__])
    recipe = _with_options(_plain_recipe(task, folder), data_options or {})
    return OpenModel(model.eval(), tokenizer, folder, recipe, task)


def _plain_recipe(task: str, folder: Path) -> Recipe:
    """For a model that hfdl did not train: read every text whole."""
    data = DataConfig(max_length=None, long_text="window")
    return Recipe(task=task, model=ModelConfig(name=str(folder)), data=data)


def _with_options(recipe: Recipe, data_options: Mapping[str, Any]) -> Recipe:
    """The recipe with other keys in its ``data`` section, checked."""
    if not data_options:
        return recipe
    return load_recipe(recipe, {f"data.{key}": value for key, value in data_options.items()})
