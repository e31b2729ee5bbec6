"""``hfdl.pipeline``: a trained model as a function of texts, with transformers' structures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.tasks.registry import canonical_name

if TYPE_CHECKING:
    from hfdl.pipelines.text_classification import TextClassificationPipeline

# task -> module and class of its pipeline, and transformers' own default model for it.
PIPELINES: dict[str, tuple[str, str, str]] = {
    "text_classification": (
        "hfdl.pipelines.text_classification",
        "TextClassificationPipeline",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    ),
}


def pipeline(
    task: str | None = None, model: str | Path | Any | None = None, **options: Any
) -> TextClassificationPipeline:
    """A pipeline for a task.

    Args:
        task: ``sentiment``, ``text-classification`` or any name that ``hfdl train`` knows.
            Default: what the model's folder says.
        model: a run's folder, a model folder, a Hub id, or an open transformers model (then give
            its ``tokenizer`` too). Default: transformers' default model for the task.
        options: see the pipeline's class.

    Raises:
        ConfigError: unknown task, or a value that an option does not take.
        ModelError: the model cannot be found or is not trained for the task.
    """
    if task is None:
        from hfdl.pipelines.models import task_of

        task = task_of(model)
    module, name, default = PIPELINES[canonical_name(task)]
    return getattr(import_module(module), name)(default if model is None else model, **options)


__all__ = ["pipeline"]
