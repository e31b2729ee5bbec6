"""Estimates of a run's time and memory, from a few real updates on this machine."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from hfdl.environment import peak_memory_bytes
from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.training.batches import TrainingBatches
from hfdl.training.events import Planned
from hfdl.training.loop import Loop

_TIMED = 4


def probe(loop: Loop, planned: Planned) -> Planned:
    """Make a few updates, which spoil the model, and scale up what they took.

    The first is the one with the longest text, for memory and to warm up; those that are timed
    are spread over the lengths that occur.
    """
    batches = TrainingBatches(
        loop.train.lengths, loop.config.batch_size, seed=loop.config.seed, epoch=0
    )
    loop.update(batches[0])
    tokens = np.array([loop.train.lengths[batch].sum() for batch in batches])
    by_tokens = np.argsort(tokens, kind="stable")
    ranks = np.linspace(0, len(batches) - 1, num=2 * min(_TIMED, len(batches)) + 1)[1::2]
    timed = [batches[by_tokens[round(rank)]] for rank in ranks]
    began = time.perf_counter()
    for batch in timed:
        loop.update(batch)
    per_update = (time.perf_counter() - began) / len(timed)
    seconds = per_update * planned.steps + _evaluation_seconds(loop, planned)
    return replace(planned, seconds=seconds, memory_bytes=peak_memory_bytes())


def _evaluation_seconds(loop: Loop, planned: Planned) -> float:
    """The time of all evaluations, from one batch of middle length."""
    if loop.validation is None:
        return 0.0
    device = loop.accelerator.device
    batches = inference_batches(loop.validation.lengths, token_budget(device))
    middle = batches[len(batches) // 2]
    with loop.state.whole_model() as model:
        began = time.perf_counter()
        for outputs, batch in forward_batches(model, loop.validation, [middle], device):
            loop.task.decode(outputs, batch)
        seconds = time.perf_counter() - began
    every = loop.config.evaluate_every or loop.steps_per_epoch
    evaluations = -(-planned.steps // every) + 1  # and the last one, of the saved model
    return seconds * len(batches) * evaluations
