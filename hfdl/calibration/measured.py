"""What a model says of a split: the logits of its items, and its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hfdl.tasks.inference import (
    forward_batches,
    inference_batches,
    naming_texts,
    refuse_non_finite,
    token_budget,
)
from hfdl.tasks.label_logits import LabelLogits
from hfdl.tasks.protocol import Prediction, Split


@dataclass(frozen=True)
class Measured:
    """The logits of a split's items, in the order of its examples, and the answers to those."""

    logits: LabelLogits
    answers: list[Prediction]


def measure(task: Any, model: torch.nn.Module, split: Split, device: torch.device) -> Measured:
    """Run a model over a split with answers.

    Args:
        task: one that ``Calibrates``.
        model: in any mode.
        split: prepared by the task.
        device: where the model is.

    Raises:
        NotFiniteError: a logit is no number.
    """
    parts: list[LabelLogits] = []
    answers: dict[int, Prediction] = {}
    batches = inference_batches(split.lengths, token_budget(device))
    for outputs, batch in forward_batches(model, split, batches, device):
        found = task.label_logits(outputs, batch)
        number = {example: place for place, example in enumerate(batch.examples)}
        rows = [number[example] for example in found.examples[found.items].tolist()]
        refuse_non_finite(
            torch.from_numpy(found.logits), [batch.examples[row] for row in rows],
            lambda example: str(split.describe(example).get("text", "")),
        )  # fmt: skip
        with naming_texts(batch.examples, lambda i: str(split.describe(i).get("text", ""))):
            answers.update(zip(batch.examples, task.decode(outputs, batch), strict=True))
        parts.append(found)
    return Measured(in_order(parts), [answers[i] for i in range(len(split))])


def in_order(parts: list[LabelLogits]) -> LabelLogits:
    """Batches as one, items by the number of their example, whatever the batches were."""
    starts = np.cumsum([0, *(len(part.targets) for part in parts)])
    items = np.concatenate([p.items + s for p, s in zip(parts, starts, strict=False)])
    whole = LabelLogits(
        np.concatenate([part.logits for part in parts]),
        items,
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.examples for part in parts]),
    )
    order = np.argsort(whole.examples, kind="stable")  # (N,)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    moved = place[whole.items]  # (R,)
    rows = np.argsort(moved, kind="stable")
    return LabelLogits(whole.logits[rows], moved[rows], whole.targets[order], whole.examples[order])
