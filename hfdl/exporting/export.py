"""``export``: write a graph, check it on the model's own texts, and keep it if it answers alike."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hfdl.config.load import take_objects
from hfdl.config.own_code import no_exit
from hfdl.environment import machine, versions
from hfdl.exporting.check import BOUND, compared
from hfdl.exporting.folder import copy_files, copy_sentence_files, default_output
from hfdl.exporting.graph import import_exporters, write_graph
from hfdl.exporting.int8 import quantised
from hfdl.exporting.refusals import check_format, check_output, no_such_task
from hfdl.exporting.result import Exported
from hfdl.exporting.subject import Subject, subject_of_task, subject_of_vectors
from hfdl.pipelines.open_model import is_embedder
from hfdl.pipelines.registry import pipeline_spec
from hfdl.progress import tell
from hfdl.quantization.precision import FLOAT32, INT8
from hfdl.runs.console import console_listener
from hfdl.runs.evaluation import record_of
from hfdl.runs.held_out import evaluate_split
from hfdl.runs.precision_cost import Cost, costs
from hfdl.runs.run import own_recipe, resolve
from hfdl.tasks.protocol import Splits
from hfdl.tasks.registry import task_for_model
from hfdl.training.events import Listener
from hfdl.training.files import atomic_folder, write_json
from hfdl.weights.graph_files import FACTS, GRAPH
from hfdl.weights.graph_model import GraphModel
from hfdl.weights.resolve import find_model

VECTORS = ("feature-extraction", "sentence-similarity")
"""The tasks of vectors, which any encoder can be exported for."""
_EXACT = "float32.onnx"


@no_exit()
def export(
    run_or_model: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    format: str = "onnx",
    task: str | None = None,
    int8: bool = False,
    output: str | Path | None = None,
    listener: Listener | None = None,
) -> Exported:
    """Write a model as a graph that onnxruntime runs, and that pipelines open as they open a run.

    Before the folder is there, the graph and the model answer the same texts, those of the
    validation split: a graph whose scores differ by more than 1e-4 is refused. With ``int8`` that
    is said of the graph in float32 that it is made of; how far its own answers are from the model's
    is told, and no bound is set.

    Args:
        run_or_model: a run's folder, a model folder, or a Hub id of a fine-tuned model.
        overrides: keys of the data, such as ``data.validation``.
        format: ``onnx``.
        task: ``feature-extraction`` or ``sentence-similarity``: the model without its head, for
            vectors. Default: the task that it was trained for.
        int8: products with weights in 8-bit integers: less memory, and on many CPUs faster.
        output: a new folder. Default: beside the model, ``NAME-onnx`` or ``NAME-onnx-int8``.
        listener: takes the events. Default: the console.

    Returns:
        the folder, and what the check found.

    Raises:
        HfdlError: the model cannot be exported, or answers otherwise as a graph; nothing was
            written.
    """
    check_format(format)
    import_exporters()
    overrides, memory = take_objects(overrides or {})
    name = str(run_or_model)
    folder = find_model(name)
    target = Path(output) if output else default_output(name, folder, int8=int8)
    check_output(target)
    with console_listener() if listener is None else nullcontext(listener) as notes:
        if is_embedder(folder) if task is None else _makes_vectors(task):
            subject = subject_of_vectors(name, folder, overrides, memory)
        else:
            recipe = resolve(own_recipe(folder), overrides)
            subject = subject_of_task(name, folder, recipe, overrides, memory, notes)
        with atomic_folder(target) as aside:
            found = _written(subject, aside, int8=int8)
            facts = {**found.to_dict(), "environment": {**versions(), **machine()}}
            write_json(aside / FACTS, facts)
    return replace(found, directory=target)


def _makes_vectors(task: str) -> bool:
    """Whether a task is of vectors.

    Raises:
        ConfigError: it is another one: a model has the head that it was trained with.
    """
    if pipeline_spec(task) in (pipeline_spec(name) for name in VECTORS):
        return True
    raise no_such_task(task, VECTORS)


def _written(subject: Subject, aside: Path, *, int8: bool) -> Exported:
    """Write graph and files into a folder that is not there yet, and check them."""
    inside = aside / subject.inner
    copy_files(subject.folder / subject.inner, inside)
    if subject.task is None:
        copy_sentence_files(subject.folder, aside, subject.inner)
    first = inside / (_EXACT if int8 else GRAPH)
    tell("writing the graph")
    write_graph(subject.model, subject.input_names, subject.output_name, first, subject.name)
    exact = compared(subject, _opened(subject, first), BOUND)
    own, done, lines = None, {}, []
    if int8:
        tell("making its products int8")
        done = quantised(first, inside / GRAPH, subject.name)
        first.unlink()
        own = compared(subject, _opened(subject, inside / GRAPH), None)
        lines = [cost.line() for cost in _costs(subject, aside)]
    precision = INT8 if int8 else FLOAT32
    size = (inside / GRAPH).stat().st_size
    return Exported(aside, subject.name, precision, exact, own, done, size, lines)


def _costs(subject: Subject, aside: Path) -> list[Cost]:
    """What int8 costs on the labelled texts that the graph is checked on."""
    if subject.task is None:
        return []
    splits = Splits(validation=subject.split)
    graph = task_for_model(aside, subject.task.recipe).load_model()
    device = torch.device("cpu")
    exact, found = (
        record_of(
            subject.task,
            splits,
            {"validation": evaluate_split(subject.task, model, subject.split, device)},
        )
        for model in (subject.model, graph)
    )
    return costs(exact, found, INT8)


def _opened(subject: Subject, file: Path) -> GraphModel:
    return GraphModel(file, getattr(subject.model, "config", None), subject.output_name)
