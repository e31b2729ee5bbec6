"""What a task says of its labels before softmax or sigmoid, so that a temperature can be fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hfdl.tasks.protocol import Batch


@dataclass(frozen=True)
class LabelLogits:
    """What a model says of the labels of items, before softmax or sigmoid.

    An item is a text, or a word that has a tag.

    Args:
        logits: (R, C) in float64.
        items: the item that each row is of, (R,). An item's probabilities are the mean over its
            rows, the windows of a long text.
        targets: the right label of each item, (N,); or 0 and 1 of several labels, (N, C).
        examples: the example that each item is of, (N,).
    """

    logits: np.ndarray
    items: np.ndarray
    targets: np.ndarray
    examples: np.ndarray

    def of(self, chosen: np.ndarray) -> LabelLogits:
        """Those of some items; ``chosen``: (N,) of bool."""
        rows = chosen[self.items]
        number = np.cumsum(chosen) - 1
        return LabelLogits(
            self.logits[rows], number[self.items[rows]], self.targets[chosen], self.examples[chosen]
        )


@runtime_checkable
class Calibrates(Protocol):
    """Optional protocol for tasks whose scores are probabilities of labels, from logits."""

    @property
    def no_temperature(self) -> str | None:
        """Why the logits cannot be divided by a temperature, in words; None: they can."""
        ...

    def label_logits(self, outputs: Any, batch: Batch) -> LabelLogits:
        """What the outputs say of a batch with answers; examples by their numbers in the split."""
        ...

    def take_temperature(self, temperature: float) -> dict[str, Any]:
        """Answer from now on as the model whose logits were divided by a temperature must.

        Returns:
            keys of the model's config.json by which every other reader does, too.
        """
        ...
