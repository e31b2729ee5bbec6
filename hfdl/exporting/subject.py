"""What is exported: a model that is open, and the texts that its graph is checked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hfdl.config.overrides import settings
from hfdl.config.schema import DataConfig, Recipe
from hfdl.exporting.refusals import no_examples, not_exported
from hfdl.pipelines.embeddings.open_embedder import open_embedder
from hfdl.pipelines.embeddings.pipeline import encoder_of
from hfdl.progress import tell
from hfdl.runs.run import held_out_data
from hfdl.tasks.protocol import Split
from hfdl.tasks.registry import in_transformers_code, task_for_model
from hfdl.tasks.split import Padding, RowSplit
from hfdl.tasks.tables import read_tables, text_column
from hfdl.training.events import Listener, Noted
from hfdl.weights.graph_model import INPUTS
from hfdl.weights.sentence.modules import read_sentence_modules

SAMPLE = "hfdl://sentiment"
"""Texts for a model that makes vectors: it is of no data set that it could be checked on."""
_HEADS = (
    "AutoModelForSequenceClassification", "AutoModelForTokenClassification",
    "AutoModelForMaskedLM",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """See the module.

    Args:
        name: of the model, as the user gave it.
        folder: the model's.
        inner: where in it config, tokenizer and weights are, if not in itself.
        model: in eval mode, on the CPU.
        task: the task object; None of a model that makes vectors.
        input_names: the tensors that it reads.
        output_name: what its answer is called.
        split: the texts that its graph is checked on.
    """

    name: str
    folder: Path
    inner: str
    model: torch.nn.Module
    task: Any
    input_names: tuple[str, ...]
    output_name: str
    split: Split


def subject_of_task(
    name: str,
    folder: Path,
    recipe: Recipe,
    overrides: Mapping[str, Any],
    memory: Mapping[str, Any],
    listener: Listener,
) -> Subject:
    """A model with a head, and its validation split.

    Args:
        name: as the user gave it.
        folder: the model's.
        recipe: with the overrides in it.
        overrides: by the user.
        memory: data objects.
        listener: takes the lines about the data.

    Raises:
        HfdlError: data or model are wrong, or its task is none whose models are exported.
    """
    # Of hfdl's own code, which looks at its inputs, torch makes no graph.
    task: Any = task_for_model(folder, in_transformers_code(recipe), memory=memory)
    if task.auto_class not in _HEADS:
        raise not_exported(recipe.task, name)
    splits = task.prepare(held_out_data(recipe.data, overrides))
    for fact in splits.facts:
        listener(Noted(fact))
    if splits.validation is None or not len(splits.validation):
        raise no_examples(name)
    tell("opening the model")
    model = task.load_model()
    names = input_names(model, task.tokenizer)
    return Subject(name, folder, "", model, task, names, "logits", splits.validation)


def subject_of_vectors(
    name: str, folder: Path, overrides: Mapping[str, Any], memory: Mapping[str, Any]
) -> Subject:
    """A model without its head, and texts of ``data.validation``, or of a set of hfdl's own.

    Args:
        name, folder, overrides, memory: as for ``subject_of_task``.

    Raises:
        HfdlError: data or model are wrong.
    """
    given = {path[1]: value for path, value in settings(overrides) if path[0] == "data"}
    data = DataConfig(**{"validation": SAMPLE, **given})
    tables, _ = read_tables(data, memory, seed=0, trains=False)
    if "validation" not in tables:
        raise no_examples(name)
    texts = text_column(tables["validation"], data.text, "data.text")
    tell("opening the model")
    opened = open_embedder(name, implementation="hf")
    # A text over the limit, too: it is cut where the model's is.
    encoded = encoder_of(opened.text_tokenizer, opened.max_length)([*texts, " ".join(texts)])
    rows = [text.rows[0] for text in encoded]
    padding = Padding.of(opened.tokenizer, opened.model.config)
    names = input_names(opened.model, opened.tokenizer)
    inner = "" if (modules := read_sentence_modules(folder)) is None else modules.transformer
    return Subject(
        name, folder, inner, opened.model, None, names, "last_hidden_state",
        RowSplit(rows, padding),
    )  # fmt: skip


def input_names(model: Any, tokenizer: Any) -> tuple[str, ...]:
    """The tensors that a model reads: types of tokens are only where its tokenizer gives some."""
    with_types = "token_type_ids" in tokenizer.model_input_names
    return INPUTS if with_types else INPUTS[:2]
