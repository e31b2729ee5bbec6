"""Evaluation of finished models on held-out splits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from hfdl.progress import tell
from hfdl.tasks.protocol import Measures, Split, Splits, Task
from hfdl.training.evaluation import Evaluation, evaluate
from hfdl.training.events import Evaluated, Listener, Noted


def evaluate_saved(task: Task, splits: Splits, listener: Listener) -> dict[str, Evaluation]:
    """Evaluations of a saved model on its held-out splits, in float32."""
    tell("opening the model")
    model = task.load_model()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    for fact in splits.facts:
        listener(Noted(fact))
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
