"""The model of a run, ready to be trained, and what there is to tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from hfdl.config.schema import Recipe
from hfdl.errors import ConfigError
from hfdl.tasks.protocol import Task, TellsOfModel
from hfdl.training.seeding import seed_everything
from hfdl.tuning.tune import new_weights, tune
from hfdl.weights.vocabulary_size import untrained_tokens_note


@dataclass(frozen=True)
class TunedModel:
    """A model of which it is settled what is trained.

    Args:
        model: with adapters, where the recipe asks for them.
        eval_modules: modules that stay in eval mode while the rest is trained.
        facts: lines for a person.
    """

    model: nn.Module
    eval_modules: list[nn.Module]
    facts: list[str]


def tuned_model(recipe: Recipe, task: Task, *, process: int) -> TunedModel:
    """Build the model of a recipe and apply its ``tune`` section.

    Args:
        recipe: the whole recipe.
        task: prepared.
        process: of those that train together. New weights are the same in all, dropout is not.

    Raises:
        ConfigError: keys that the model cannot follow.
        ModelError: as ``task.build_model``.
    """
    seed_everything(recipe.train.seed)
    model = _build(recipe, task)
    random_parts = new_weights(model, task.new_parameters)
    # Adapters are new weights too: the same on every process.
    tuned = tune(model, recipe.tune, new=task.new_parameters, rate=recipe.train.learning_rate)
    seed_everything(recipe.train.seed, rank=process)
    built = task.model_facts if isinstance(task, TellsOfModel) else []
    facts = [*built, *random_parts, *tuned.facts, *_of_new_tokens(model, recipe, task)]
    return TunedModel(model, tuned.eval_modules, [*facts, *_of_own_parts(recipe)])


def _build(recipe: Recipe, task: Task) -> nn.Module:
    model = task.build_model(recipe.model)
    if recipe.train.gradient_checkpointing:
        _checkpoint_gradients(model)
    return model


def _checkpoint_gradients(model: Any) -> None:
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise ConfigError(
            f"{type(model).__name__} cannot recompute its activations",
            where="train.gradient_checkpointing",
            rule="the model's class must support it",
            remedy="set train.gradient_checkpointing=false and train.micro_batch_size=1",
        )
    model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})


def _of_new_tokens(model: nn.Module, recipe: Recipe, task: Task) -> list[str]:
    """A line where tokens were added to a saved model, and their embeddings are not trained."""
    if getattr(task, "folder", None) is None:
        return []
    saved = getattr(getattr(task, "config", None), "vocab_size", None)
    key = "tune.freeze" if recipe.tune.lora is None else "tune.lora"
    note = None if saved is None else untrained_tokens_note(model, saved, key)
    return [] if note is None else [note]


def _of_own_parts(recipe: Recipe) -> list[str]:
    parts = {"class": recipe.model.own_class, "attention": recipe.model.attention}
    return [f"{key}: {Path(path).name}" for key, path in parts.items() if path]
