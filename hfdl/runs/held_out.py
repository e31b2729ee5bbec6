"""Evaluation of finished models on held-out splits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from hfdl.hf_models.build import without_padding
from hfdl.progress import tell
from hfdl.quantization.convert import int8_copy
from hfdl.quantization.precision import INT8, refuse_int8
from hfdl.tasks.protocol import Measures, Split, Splits, Task
from hfdl.tasks.registry import attribute, known_spec
from hfdl.training.evaluation import Evaluation, evaluate
from hfdl.training.events import Evaluated, Listener, Noted


def evaluate_saved(task: Task, splits: Splits, listener: Listener) -> dict[str, Evaluation]:
    """Evaluations of a saved model on its held-out splits, in float32."""
    tell("opening the model")
    model = task.load_model()
    for fact in splits.facts:
        listener(Noted(fact))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return _evaluated(task, model, splits, listener, device)


def evaluate_int8(
    task: Task, splits: Splits, listener: Listener, where: str
) -> tuple[dict[str, Evaluation], dict[str, Evaluation]]:
    """Evaluations of a saved model in float32 and with its linear layers in int8, on the CPU.

    Args:
        task, splits, listener: as for ``evaluate_saved``; the listener hears of int8 alone.
        where: the model's name, for messages.

    Raises:
        ConfigError: the task's models write their answers, and have no int8.
        ModelError: the model has no linear layer, or this CPU no exact product.
    """
    kind = known_spec(task.name).pipeline
    if kind is not None and (not (found := attribute(kind)).has_int8 or found.writes):
        refuse_int8(task.name, INT8)
    tell("opening the model")
    model, cpu = task.load_model(), torch.device("cpu")
    int8 = int8_copy(without_padding(model), where)
    for fact in splits.facts:
        listener(Noted(fact))
    float32 = _evaluated(task, model, splits, lambda event: None, cpu)
    return float32, _evaluated(task, int8, splits, listener, cpu)


def _evaluated(
    task: Task,
    model: torch.nn.Module,
    splits: Splits,
    listener: Listener,
    device: torch.device,
) -> dict[str, Evaluation]:
    model.to(device)
    results = {}
    for name, split in splits.named().items():
        if name == "train":
            continue
        began = time.perf_counter()
        results[name] = evaluate_split(task, model, split, device)
        seconds = time.perf_counter() - began
        listener(Evaluated(name, 0, 0.0, results[name].metrics, False, seconds))
    return results


def evaluate_split(
    task: Task,
    model: torch.nn.Module,
    split: Split,
    device: torch.device,
    rank: int = 0,
    world: int = 1,
) -> Evaluation:
    """An evaluation, with what the task measures beside its predictions."""
    result = evaluate(task, model, split, device, rank=rank, world=world)
    measured = task.measure(model, split, device) if isinstance(task, Measures) else {}
    return replace(result, metrics={**result.metrics, **measured})


def prediction_records(
    splits: Mapping[str, Split], evaluations: Mapping[str, Evaluation]
) -> Iterator[dict[str, Any]]:
    """The lines of predictions.jsonl."""
    for name, split in splits.items():
        for i, prediction in enumerate(evaluations[name].predictions):
            yield {"split": name, "index": i, **split.describe(i), **prediction}
