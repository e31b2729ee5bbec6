"""Pipelines by name: those of the tasks that hfdl trains, and those that any such model serves."""

from __future__ import annotations

from dataclasses import dataclass

from hfdl.errors import ConfigError, did_you_mean
from hfdl.tasks.registry import TASKS, task_spec

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline's place.

    Args:
        implementation: its class, ``module:Class``; None: the task has no pipeline.
        default_model: what is opened where no model is named; None: one must be.
        task: the task's own name; None: no task of that name is trained.
        panel: the class of its page in ``hfdl demo``; None: it has none.
    """

    implementation: str | None
    default_model: str | None
    task: str | None = None
    panel: str | None = None


WITHOUT_TASK: dict[str, PipelineSpec] = {
    "feature-extraction": PipelineSpec(
        "hfdl.pipelines.embeddings.feature_extraction:FeatureExtractionPipeline", MINILM
    ),
    "sentence-similarity": PipelineSpec(
        "hfdl.pipelines.embeddings.similarity:SentenceSimilarityPipeline",
        MINILM,
        panel="hfdl.demo.panels.similarity:SimilarityPanel",
    ),
    "zero-shot-classification": PipelineSpec(
        "hfdl.pipelines.zero_shot_classification:ZeroShotClassificationPipeline",
        "facebook/bart-large-mnli",
    ),
}
"""Pipelines that no task of their own is trained for, by transformers' or the Hub's name."""


def pipeline_names() -> list[str]:
    """Every name that a pipeline is known by."""
    tasks = [name for spec in TASKS.values() for name in (spec.name, *spec.aliases)]
    return [*tasks, *WITHOUT_TASK]


def pipeline_spec(name: str) -> PipelineSpec:
    """The pipeline of a name; a task of one's own may also be named ``module:Class``.

    Raises:
        ConfigError: there is none; the message names the nearest one.
    """
    if name in WITHOUT_TASK:
        return WITHOUT_TASK[name]
    if ":" not in name and name not in pipeline_names():
        raise ConfigError(
            f"unknown task {name!r}", where="task", remedy=did_you_mean(name, pipeline_names())
        )
    spec = task_spec(name)
    return PipelineSpec(spec.pipeline, spec.default_model, spec.name, spec.panel)
