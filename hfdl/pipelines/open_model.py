"""Opening the model of a pipeline: a run, a folder, a Hub id, or an object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hfdl.config.load import load_recipe
from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.errors import ConfigError, ModelError
from hfdl.tasks.registry import task_class, task_of_model
from hfdl.weights.resolve import find_model


def task_of(model: Any) -> str:
    """The task of a model folder or Hub id.

    Raises:
        ConfigError: no model was named.
    """
    if not isinstance(model, str | Path):
        raise ConfigError(
            "neither a task nor a model folder was named",
            rule="a pipeline needs one of them",
            remedy='for instance hfdl.pipeline("sentiment")',
        )
    folder = find_model(str(model))
    recipe = folder / "recipe.yaml"
    return load_recipe(folder).task if recipe.is_file() else task_of_model(folder)


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready to answer.

    Args:
        model: in eval mode.
        config: its transformers config.
        tokenizer: its tokenizer, with a padding token.
        folder: where it came from.
        recipe: what it was trained with, or stands in for that.
    """

    model: torch.nn.Module
    config: Any
    tokenizer: Any
    folder: Path
    recipe: Recipe

    def task(self, data_options: dict[str, Any]) -> Any:
        """The task object, its texts read as the recipe says, save for some options.

        Args:
            data_options: keys of the recipe's ``data`` section that take precedence.

        Raises:
            ConfigError: an option's value is wrong.
        """
        changed = {f"data.{key}": value for key, value in data_options.items()}
        recipe = load_recipe(self.recipe, changed)
        return task_class(recipe.task).of_parts(self.folder, self.config, self.tokenizer, recipe)


def open_model(task: str, model: Any, tokenizer: Any) -> OpenModel:
    """Open the model of a pipeline.

    Args:
        task: the task's own name.
        model: a folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.

    Raises:
        ModelError: it cannot be found or opened, or is not trained for the task.
        ConfigError: an open model without its tokenizer.
    """
    if isinstance(model, str | Path):
        folder = find_model(str(model))
        recipe = _recipe(task, folder)
        opened = task_class(task).for_model(folder, recipe)
        loaded = opened.load_model()
        return OpenModel(loaded, loaded.config, opened.tokenizer, folder, recipe)
    if tokenizer is None:
        raise ConfigError(
            "an open model was given without its tokenizer",
            where="tokenizer",
            rule="only a folder brings its own",
            remedy="give tokenizer=...",
        )
    if tokenizer.pad_token_id is None:
        raise ModelError(
            "the tokenizer has no token to pad with",
            where="tokenizer",
            rule="a batch of unequal texts is padded",
            remedy="set tokenizer.pad_token, for instance to tokenizer.eos_token",
        )
    if model.config.pad_token_id is None:  # GPT-2's head finds the last token of a row by it
        model.config.pad_token_id = tokenizer.pad_token_id
    folder = Path(getattr(model, "name_or_path", "") or ".")
    return OpenModel(model.eval(), model.config, tokenizer, folder, _plain_recipe(task, folder))


def _recipe(task: str, folder: Path) -> Recipe:
    if (folder / "recipe.yaml").is_file():
        return load_recipe(folder)
    return _plain_recipe(task, folder)


def _plain_recipe(task: str, folder: Path) -> Recipe:
    """For a model that hfdl did not train: read every text whole."""
    data = DataConfig(max_length=None, long_text="window")
    return Recipe(task=task, model=ModelConfig(name=str(folder)), data=data)
