"""``hfdl.pipeline``: a trained model as a function of texts, with transformers' structures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.config.own_code import no_exit
from hfdl.errors import ConfigError
from hfdl.hub.names import Revised
from hfdl.pipelines.registry import WITHOUT_TASK, pipeline_spec
from hfdl.quantization.precision import refuse_int8
from hfdl.tasks.registry import attribute

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline


# As transformers names a task of two languages: TASK_en_to_de.
_OF_LANGUAGES = re.compile(r"(?P<task>[a-z]+)_(?P<source>[A-Za-z_]+)_to_(?P<target>[A-Za-z_]+)")


@no_exit()
def pipeline(
    task: str | None = None,
    model: str | Path | Any | None = None,
    *,
    revision: str | None = None,
    answers_only: bool = False,
    **options: Any,
) -> Pipeline:
    """A pipeline for a task.

    Args:
        task: ``sentiment``, ``text-classification`` or any name that ``hfdl train`` knows; or
            ``feature-extraction``, ``sentence-similarity``, ``zero-shot-classification``, which
            take models trained for other tasks. Default: what the model's folder says.
        model: a run's folder, a model folder, a Hub id, or an open transformers model (then give
            its ``tokenizer`` too). Default: transformers' default model, where a task has one.
        revision: branch, tag or commit of the Hub id; ``model="ID@REVISION"`` says the same.
        answers_only: open an encoder of hfdl's own code as a plain torch module, which takes half
            the time of a new process: transformers' modelling code is not imported. The answers are
            the same; ``pipe.model`` is no ``PreTrainedModel`` then, and can neither be saved nor
            trained further. Any other model is opened as usual.
        options: see the pipeline's class.

    Raises:
        ConfigError: unknown task, no model for one without a default, or a value that an option
            does not take.
        ModelError: the model cannot be found or is not trained for the task.
    """
    if revision is not None:
        model = _at(model, revision)
    kind, found, options = find_pipeline(task, model, options)
    return kind(
        _for_answers(found, getattr(kind, "task", "")) if answers_only else found, **options
    )


def _for_answers(model: Any, task: str) -> Any:
    """A model that need do nothing but answer; an open one, and vectors, are left as they are."""
    from hfdl.pipelines.open_model import Located, locate

    if task in WITHOUT_TASK or not isinstance(model, str | Path | Located):
        return model
    return replace(locate(model), for_answers=True)


def find_pipeline(
    task: str | None, model: Any, options: Mapping[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """The class of a task's pipeline, the model it opens, and its options.

    Args:
        task, model, options: as for ``pipeline``.

    Raises:
        ConfigError: as ``pipeline``, no model opened yet.
        ModelError: as ``pipeline``.
    """
    options = dict(options)
    if task is None:
        task, model = task_of(model)
    if pair := _OF_LANGUAGES.fullmatch(str(task)):
        task = pair["task"]
        options = {"src_lang": pair["source"], "tgt_lang": pair["target"], **options}
    spec = pipeline_spec(str(task))
    if spec.implementation is None:
        raise ConfigError(
            f"the task {spec.task} has no pipeline",
            where="task",
            rule="a task's spec names the class of its pipeline",
            remedy="evaluate it, or name the class of a pipeline in its TaskSpec",
        )
    if model is None and spec.default_model is None:
        raise ConfigError(
            f"no model for {task}",
            where="model",
            rule="which one suits depends on the languages",
            remedy="give model=FOLDER, such as that of a run of the recipe translation",
        )
    kind = attribute(spec.implementation)
    if "precision" in options and not getattr(kind, "has_int8", False):
        refuse_int8(str(task), options.pop("precision"))
    return kind, spec.default_model if model is None else model, options


def _at(model: Any, revision: str) -> str:
    """A Hub id with its revision.

    Raises:
        ConfigError: the model is none of the Hub's, or names another revision.
    """
    if not isinstance(model, str) or Path(model).expanduser().is_dir():
        raise ConfigError(
            f"revision={revision!r} of what is no Hub id",
            where="model",
            rule="a revision is a branch, a tag or a commit of a repository of the Hub",
            remedy="leave revision out",
        )
    return str(Revised.of(model, revision))


def task_of(model: Any) -> tuple[str, Any]:
    """The task that a model's folder is for, and the folder, found once.

    Args:
        model: a folder, a Hub id, or what ``locate`` found.

    Raises:
        ConfigError: it is none of them.
        ModelError: it cannot be found, or is for none of hfdl's tasks.
    """
    from hfdl.pipelines.open_model import is_embedder, locate

    if is_embedder(model):
        return "sentence-similarity", model
    located = locate(model)
    return ("sentence-similarity" if is_embedder(located) else located.task), located


__all__ = ["pipeline", "task_of"]
