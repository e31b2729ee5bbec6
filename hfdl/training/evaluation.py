"""Loss, predictions and metrics over a held-out split."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.tasks.protocol import Batch, Generates, Prediction, Split, TakesMetrics, Task
from hfdl.training.finite import refuse_loss
from hfdl.training.memory import forget_what_failed, is_out_of_memory


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a split, ``loss`` among them, and a prediction for each example in file order."""

    metrics: dict[str, float]
    predictions: list[Prediction]


def evaluate(
    task: Task,
    model: torch.nn.Module,
    split: Split,
    device: torch.device,
    *,
    autocast: AbstractContextManager[Any] | None = None,
    rank: int = 0,
    world: int = 1,
) -> Evaluation:
    """Run the model over every example exactly once.

    With several processes each takes every ``world``-th batch, and predictions are put together
    by example number, so that none is counted twice. Where memory does not suffice a single process
    begins again with smaller batches.

    Raises:
        TrainingError: the loss is not finite.
    """
    budget = token_budget(device)
    while True:
        try:
            batches = inference_batches(split.lengths, budget)[rank::world]
            pairs, total, count = _run(task, model, split, batches, device, autocast)
            break
        except (RuntimeError, MemoryError) as error:
            smallest = budget < int(split.lengths.max(initial=0))  # single examples already
            if not is_out_of_memory(error) or world > 1 or smallest:
                raise
            budget //= 2
        forget_what_failed()
    if world > 1:
        from accelerate.utils import gather_object

        # Each process gives a list; the lists come back joined.
        parts = gather_object([(pairs, total, count)])
        pairs = [one for part in parts for one in part[0]]
        total, count = (sum(part[i] for part in parts) for i in (1, 2))
    by_example = dict(pairs)
    if len(pairs) != len(split) or len(by_example) != len(split):
        raise AssertionError(f"{len(pairs)} predictions for {len(split)} examples")
    predictions = [by_example[i] for i in range(len(split))]
    figures = task.score if isinstance(task, TakesMetrics) else task.metrics
    metrics = figures(predictions, split.references())
    return Evaluation({**metrics, "loss": total / count if count else 0.0}, predictions)


def _run(
    task: Task,
    model: torch.nn.Module,
    split: Split,
    batches: list[np.ndarray],
    device: torch.device,
    autocast: AbstractContextManager[Any] | None,
) -> tuple[list[tuple[int, Prediction]], float, float]:
    """Predictions with their example numbers, the summed loss and its count."""
    pairs: list[tuple[int, Prediction]] = []
    total = count = 0.0
    for outputs, batch in forward_batches(model, split, batches, device, autocast):
        loss = task.loss(outputs, batch)
        refuse_loss(float(loss.total), model, split, batch.examples)
        total += float(loss.total)
        count += float(loss.count)
        pairs += zip(batch.examples, _predict(task, model, outputs, batch), strict=True)
    return pairs, total, count


def _predict(task: Task, model: torch.nn.Module, outputs: Any, batch: Batch) -> list[Prediction]:
    """What the outputs say of each example, and what the model writes where a task asks it to."""
    predictions = task.decode(outputs, batch)
    if not isinstance(task, Generates):
        return predictions
    written = task.generate(model, batch)
    return [{**prediction, **text} for prediction, text in zip(predictions, written, strict=True)]
