"""What training would make of a saved model's head, told from labels alone, before it is built."""

from __future__ import annotations

from collections.abc import Mapping

from hfdl.config.schema import Recipe
from hfdl.data.table import Table
from hfdl.errors import HfdlError
from hfdl.tasks.registry import is_registered, task_spec
from hfdl.weights.names import is_new_model
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_config import architecture


def head_notes(recipe: Recipe, tables: Mapping[str, Table]) -> list[str]:
    """What training says of the saved head: other answers; kept, put in order, in part, or new.

    Args:
        recipe: whose model is looked at.
        tables: the splits as they are read, train among them.

    Returns:
        the lines; none where the model has no head of the task's, has no labels or is of a class
        of the user's, or where training would be refused.
    """
    if "train" not in tables or recipe.model.own_class is not None:
        return []  # what a class of the user's takes over is known when it is built
    return [] if _is_without_head(recipe) else _of_task(recipe, tables)


def _is_without_head(recipe: Recipe) -> bool:
    """Whether config.json alone says that there is no head, and no task need be imported."""
    if is_registered(recipe.task):
        return False
    if is_new_model(recipe.model):
        return True
    try:
        folder = find_model(recipe.model.name, recipe.model.revision, weights=False)
        names = architecture(folder).get("architectures")
    except HfdlError:
        return True  # nor can it be trained
    is_list = isinstance(names, list)
    heads = task_spec(recipe.task).architectures
    return is_list and not any(str(name).endswith(heads) for name in names)


def _of_task(recipe: Recipe, tables: Mapping[str, Table]) -> list[str]:
    """As ``head_notes``, from the task itself."""
    from hfdl.tasks.base import PretrainedTask
    from hfdl.tasks.own_types import register_own_types
    from hfdl.tasks.registry import task_class
    from hfdl.tasks.tables import divide
    from hfdl.weights.label_rows import LabelMatch, label_names
    from hfdl.weights.model_config import load_config
    from hfdl.weights.saved_tokenizer import load_tokenizer

    cls = task_class(recipe.task)
    if not issubclass(cls, PretrainedTask):
        return []
    try:
        if cls.new_model_for(recipe.model) is not None:
            return []
        folder = find_model(recipe.model.name, recipe.model.revision, weights=False)
        register_own_types(folder)
        config = load_config(folder)
        task = cls(folder, load_tokenizer(folder), config, recipe=recipe, trains=True)
        if not task.has_trained_head:
            return []
        kept, _ = divide(dict(tables), recipe.data, task.seed, task.strata)
        change, labels = task.change_of_kind(kept), task.labels_of_training(kept)
    except HfdlError:
        return []
    if len(labels) < 2 or config.num_labels < 2:
        return change
    return [*change, LabelMatch.of(label_names(config), labels, task.other_names).fact()]
