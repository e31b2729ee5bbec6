"""Descriptions of tasks that are read without importing them: one ``TaskSpec`` a task.

Everything outside a task's own folder reads them: names, pipeline, recipe, how its data are
checked, how its run is reported. Places of code are ``module:attribute``, imported when needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hfdl.data.layouts.rows import Rows

LONG_TEXTS = {
    "truncate": "of a longer text it reads the start",
    "head_tail": "of a longer text it reads the start and the end",
    "window": "a longer text is read in windows whose probabilities are averaged",
    "error": "a longer text is refused",
}
"""What becomes of texts over ``data.max_length``, by ``data.long_text``, in words."""


@dataclass(frozen=True)
class Card:
    """How a model card shows the use of a model, as Python code and in words.

    Args:
        call: what the pipeline is called with; a text in quotes.
        example: that text, as a reader would type it.
        arguments: what transformers' pipeline is told beside the model, with a comma in front.
        own_arguments: what hfdl's is told.
        in_transformers: whether transformers has a pipeline for the task.
        generates: whether that pipeline calls ``generate``, which not every model has.
        labels: the heading of the label set; None: the task has no labels of its own.
    """

    call: str = '"a text of yours"'
    example: str = "a text of yours"
    arguments: str = ""
    own_arguments: str = ""
    in_transformers: bool = True
    generates: bool = False
    labels: str | None = None


@dataclass(frozen=True)
class TaskSpec:
    """A task's names, places and words.

    Args:
        name: its own name, in recipes and metrics.json.
        implementation: its class.
        aliases: other names of it in recipes and ``hfdl.pipeline``.
        recipe: the shipped recipe that trains it.
        hub_task: its name on the Hub (``pipeline_tag``) and in transformers' pipelines.
        architectures: what the ``architectures`` in a config.json end in, for models that hfdl did
            not train.
        pipeline: the class of its pipeline.
        panel: the class of its page in ``hfdl demo``, a ``hfdl.demo.panel.Panel``; None: none.
        default_model: what the pipeline opens where no model is named: transformers' own default.
        examiner: the function of ``hfdl data check``.
        reads_words: whether a data set may give words instead of texts.
        rows: what its predictions are of.
        without_top_k: why its pipeline has no ``top_k``; None: it has.
        smaller_is_better: metrics that are errors; the loss is one in any case.
        sections: parts of report.html that only this task has, in their order.
        limitations: a function that gives its own sentences for the card's limitations.
        title: its name for a person; None: ``name`` with blanks.
        summary: what a model does, for the card: ``translates a text``.
        meaning: what its figures are of, in words.
        long_texts: what becomes of long texts, in words, by ``data.long_text``.
        long_text: the default of ``data.long_text``.
        card: how a model card shows its use.
        paired: the function that says of each row of predictions.jsonl what two models are compared
            by; None: they cannot be.
        no_temperature: why its scores cannot be calibrated by a temperature, in words. A task
            whose class has ``label_logits`` can (see ``hfdl.tasks.label_logits``).
    """

    name: str
    implementation: str
    aliases: tuple[str, ...] = ()
    recipe: str = "RECIPE"
    hub_task: str | None = None
    architectures: tuple[str, ...] = ()
    pipeline: str | None = None
    panel: str | None = None
    default_model: str | None = None
    examiner: str = "hfdl.data.checks.report:check_data"
    reads_words: bool = False
    rows: Rows = "labels"
    without_top_k: str | None = None
    smaller_is_better: frozenset[str] = frozenset()
    sections: tuple[str, ...] = ()
    limitations: str | None = None
    title: str | None = None
    summary: str | None = None
    meaning: str | None = None
    long_texts: Mapping[str, str] = field(default_factory=lambda: LONG_TEXTS)
    long_text: str = "truncate"
    card: Card = Card()
    paired: str | None = None
    no_temperature: str = "it does not say which label each of its logits is of"
