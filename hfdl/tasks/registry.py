"""Tasks by name: those of hfdl, and those that a user registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hfdl.config.overrides import as_override
from hfdl.config.own_code import load_own
from hfdl.errors import ConfigError, ModelError, did_you_mean
from hfdl.tasks.language_modeling.spec import CAUSAL_LM, MASKED_LM
from hfdl.tasks.spec import TaskSpec
from hfdl.tasks.text_classification.spec import SPEC as TEXT_CLASSIFICATION
from hfdl.tasks.token_classification.spec import SPEC as TOKEN_CLASSIFICATION
from hfdl.tasks.translation.spec import SPEC as TRANSLATION
from hfdl.weights.saved_config import architecture

if TYPE_CHECKING:
    from hfdl.config.schema import Recipe
    from hfdl.tasks.protocol import Task

TASKS: dict[str, TaskSpec] = {
    spec.name: spec
    for spec in (TEXT_CLASSIFICATION, TOKEN_CLASSIFICATION, MASKED_LM, CAUSAL_LM, TRANSLATION)
}
"""Every task by its own name."""

_registered: dict[str, Any] = {}
_T = TypeVar("_T", bound=type)


def register_task(task: _T) -> _T:
    """Make a task of your own known by its name; usable as a decorator.

    Recipes, ``hfdl train``, evaluation, reports and model cards then take it as they take hfdl's
    own. A recipe can also name the class itself, ``task: my_module:MyTask``: it is imported and
    registered when the recipe is read.

    Args:
        task: a class with the methods of ``hfdl.tasks.protocol.Task``, most easily a subclass of
            ``hfdl.tasks.base.PretrainedTask``; ``spec`` is its ``TaskSpec``.

    Returns:
        the class itself.

    Raises:
        ConfigError: it has no ``spec``, or its name belongs to another task.
    """
    spec = getattr(task, "spec", None)
    if not isinstance(spec, TaskSpec):
        raise ConfigError(
            f"{task.__name__} has no spec",
            rule="a task's class says what it is called, in a hfdl.tasks.spec.TaskSpec",
            remedy=f'add to the class: spec = TaskSpec(name="...", implementation="'
            f'{task.__module__}:{task.__name__}")',
        )
    old = TASKS.get(spec.name)
    taken = {alias for other in TASKS.values() if other is not old for alias in other.aliases}
    if spec.name in taken or (old is not None and old.implementation != spec.implementation):
        raise ConfigError(
            f"the task name {spec.name!r} is taken",
            rule=f"the tasks are: {', '.join(TASKS)}",
            remedy="give yours another name",
        )
    TASKS[spec.name], _registered[spec.name] = spec, task
    return task


def canonical_name(name: str) -> str:
    """The task's own name for any of its names, or for ``module:Class`` and ``file.py:Class``.

    Raises:
        ConfigError: no task of that name; the message names the nearest one.
    """
    if ":" in name:
        return _import_task(name).spec.name
    for spec in TASKS.values():
        if name == spec.name or name in spec.aliases:
            return spec.name
    aliases = [alias for spec in TASKS.values() for alias in spec.aliases]
    raise ConfigError(
        f"unknown task {name!r}", where="task", remedy=did_you_mean(name, [*TASKS, *aliases])
    )


def task_spec(name: str) -> TaskSpec:
    """The spec of a task, by any of its names.

    Raises:
        ConfigError: see ``canonical_name``.
    """
    return TASKS[canonical_name(name)]


def known_spec(name: str) -> TaskSpec:
    """The spec of a task, or an empty one of that name: for a run whose task is not here."""
    for spec in TASKS.values():
        if name == spec.name or name in spec.aliases:
            return spec
    return TaskSpec(name=name, implementation="")


def attribute(path: str) -> Any:
    """The object at ``module:attribute``, imported now."""
    module, name = path.split(":")
    return getattr(import_module(module), name)


def task_class(name: str) -> Any:
    """The class that implements a task, imported now."""
    spec = task_spec(name)
    return _registered.get(spec.name) or attribute(spec.implementation)


def is_registered(name: str) -> bool:
    """Whether a task's class was registered: it may do what those of hfdl do not."""
    return canonical_name(name) in _registered


def _import_task(path: str) -> Any:
    """The class at ``module:Class`` or ``file.py:Class``; it is registered."""
    task = load_own(path, "task", "a task").value
    if not isinstance(task, type):
        raise ConfigError(
            f"{path!r} is no class",
            where="task",
            rule="a task of your own is a class with the methods of hfdl.tasks.protocol.Task",
            remedy="name the class: " + as_override("task", f"{path.rpartition(':')[0]}:CLASS"),
        )
    return register_task(task)


def task_for_training(recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Task:
    """A task that will read its labels from the training data.

    Args:
        recipe: the whole recipe.
        memory: data objects given from Python, by the marker that stands in the recipe.
    """
    return task_class(recipe.task).for_training(recipe, memory)


def in_transformers_code(recipe: Recipe) -> Recipe:
    """The recipe for opening a saved model in transformers' class.

    For those who need its names, or a graph of it.
    """
    section = recipe.model.model_copy(update={"implementation": "hf"})
    return recipe.model_copy(update={"model": section})


def task_for_model(folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Task:
    """A task whose labels are those of a saved model.

    Args:
        folder: the model's folder.
        recipe: how its texts are read, and the columns of the data.
        memory: as for ``task_for_training``.
    """
    refuse_other_task(recipe.task, folder)
    return task_class(recipe.task).for_model(folder, recipe, memory)


def task_of_model(folder: Path) -> str:
    """The task that a model's architecture is for.

    Raises:
        ModelError: it belongs to none of hfdl's tasks.
    """
    if found := _tasks_of(folder):
        return next(iter(found.values()))
    endings = [ending for spec in TASKS.values() for ending in spec.architectures]
    raise ModelError(
        f"the architectures {architecture(folder).get('architectures') or []} belong to none of "
        "hfdl's tasks",
        where=str(folder / "config.json"),
        rule=f"known endings: {', '.join(endings)}",
        remedy="fine-tune the model first: hfdl train RECIPE "
        + as_override("model.name", str(folder)),
    )


def refuse_other_task(task: str, folder: Path, names: Sequence[str] | None = None) -> None:
    """Refuse a model that was saved with the head of another task, a classifier.

    Its weights may fit, as those of a head for texts fit one for tokens, and would mean nothing. A
    language model is left to the task, for some fill masks and continue texts; so is a model whose
    architecture says no task, and every model by a task that names no architectures.

    Args:
        task: what it is opened for.
        folder: the model's folder.
        names: its architectures, such as the class of an open one. Default: as in config.json.

    Raises:
        ModelError: it is such a model.
    """
    spec, found = task_spec(task), _tasks_of(folder, names)
    if not found or not spec.architectures or spec.name in found.values():
        return
    name, other = next(iter(found.items()))
    if not str(TASKS[other].hub_task).endswith("-classification"):
        return
    raise ModelError(
        f"the model has no head for {spec.name}: it is a {name}, trained for {other}",
        where=str(folder),
        rule="a model's architecture says what its head is for",
        remedy="leave the task out, and it is opened for its own; or choose another model",
    )


def _tasks_of(folder: Path, names: Any = None) -> dict[str, str]:
    """The architectures of a model that are some task's, each with the task's name."""
    if names is None:
        names = architecture(folder).get("architectures")
    return {
        str(name): spec.name
        for name in (names if isinstance(names, list) else [])
        for spec in TASKS.values()
        if str(name).endswith(spec.architectures)
    }
