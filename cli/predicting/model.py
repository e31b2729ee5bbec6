"""The pipeline of ``hfdl predict``, and the options that its task does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from hfdl.errors import ModelError, shell_path

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline

_OF_WRITERS = ("stop", "return_scores")
_OF_TRANSLATORS = ("src_lang", "tgt_lang")


def open_pipeline(run_or_model: str, options: dict[str, Any], top_k: int | None) -> Pipeline:
    """The model's pipeline; options that are None are not given.

    Raises:
        BadParameter: an option is another task's.
        ModelError: the model has no answers.
    """
    pipe = _opened(run_or_model, {k: v for k, v in options.items() if v is not None})
    _refuse_vectors(pipe, run_or_model)
    _refuse_top_k(top_k, pipe)
    return pipe


def _opened(run_or_model: str, options: dict[str, Any]) -> Pipeline:
    """The model's pipeline, after refusing options that are another task's."""
    from hfdl.pipelines import pipeline

    if not {*_OF_WRITERS, *_OF_TRANSLATORS, "threshold"} & options.keys():
        return pipeline(None, model=run_or_model, answers_only=True, **options)
    from hfdl.pipelines.open_model import locate
    from hfdl.tasks.registry import known_spec

    located = locate(run_or_model)
    spec = known_spec(located.task)
    if "threshold" in options and spec.hub_task != "text-classification":
        raise typer.BadParameter(f"--threshold chooses among labels, and this is for {spec.name}")
    translates = spec.rows == "pairs"
    refused = () if translates else _OF_TRANSLATORS
    if not (translates or spec.hub_task == "text-generation"):
        refused = (*_OF_WRITERS, *_OF_TRANSLATORS)
    for name in refused:
        if name in options:
            flag = "--scores" if name == "return_scores" else "--" + name.replace("_", "-")
            what = "a model that translates" if name in _OF_TRANSLATORS else "one that writes texts"
            raise typer.BadParameter(f"{flag} is for {what}, and this one is for {spec.name}")
    return pipeline(located.task, model=located, answers_only=True, **options)


def _refuse_vectors(pipe: Pipeline, model: str) -> None:
    if pipe.task == "sentence-similarity":
        from hfdl.config.overrides import as_override

        raise ModelError(
            "the model makes vectors of texts, and has no answers",
            where=model,
            rule="only a fine-tuned model can predict",
            remedy=f"for the vectors: hfdl embed {shell_path(model)} TEXT; to fine-tune it: "
            f"hfdl train RECIPE {as_override('model.name', model)}",
        )


def _refuse_top_k(top_k: int | None, pipe: Pipeline) -> None:
    from hfdl.tasks.registry import known_spec

    reason = known_spec(pipe.task).without_top_k
    if top_k is not None and reason is not None:
        raise typer.BadParameter(f"--top-k chooses among labels, and {reason}")
