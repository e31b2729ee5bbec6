"""``hfdl.pipeline``: a trained model as a function of texts, with transformers' structures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.errors import ConfigError
from hfdl.tasks.registry import canonical_name

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline

# task -> module and class of its pipeline, and transformers' own default model for it, if any.
PIPELINES: dict[str, tuple[str, str, str | None]] = {
    "text_classification": (
        "hfdl.pipelines.text_classification",
        "TextClassificationPipeline",
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    ),
    "token_classification": (
        "hfdl.pipelines.token_classification.pipeline",
        "TokenClassificationPipeline",
        "dbmdz/bert-large-cased-finetuned-conll03-english",
    ),
    "masked_lm": (
        "hfdl.pipelines.fill_mask.pipeline",
        "FillMaskPipeline",
        "distilbert/distilroberta-base",
    ),
    "causal_lm": (
        "hfdl.pipelines.text_generation",
        "TextGenerationPipeline",
        "openai-community/gpt2",
    ),
    "translation": ("hfdl.pipelines.translation", "TranslationPipeline", None),
}


def pipeline(
    task: str | None = None, model: str | Path | Any | None = None, **options: Any
) -> Pipeline:
    """A pipeline for a task.

    Args:
        task: ``sentiment``, ``text-classification`` or any name that ``hfdl train`` knows.
            Default: what the model's folder says.
        model: a run's folder, a model folder, a Hub id, or an open transformers model (then give
            its ``tokenizer`` too). Default: transformers' default model, where a task has one.
        options: see the pipeline's class.

    Raises:
        ConfigError: unknown task, no model for one without a default, or a value that an option
            does not take.
        ModelError: the model cannot be found or is not trained for the task.
    """
    if task is None:
        from hfdl.pipelines.open_model import task_of

        task = task_of(model)
    module, name, default = PIPELINES[canonical_name(task)]
    if model is None and default is None:
        raise ConfigError(
            f"no model for {task}",
            where="model",
            rule="which one suits depends on the languages",
            remedy="give model=FOLDER, for instance that of a run of: hfdl train translation",
        )
    return getattr(import_module(module), name)(default if model is None else model, **options)


__all__ = ["pipeline"]
