"""The part of the task that a temperature is fitted by; see ``Calibrates``."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from hfdl.tasks.label_logits import LabelLogits
from hfdl.tasks.protocol import Batch
from hfdl.tasks.text_classification.data import REGRESSION
from hfdl.tasks.text_classification.thresholds import (
    CONFIG_KEY,
    UNCALIBRATED_KEY,
    Thresholds,
    thresholds_of,
)


class Calibrated:
    """Temperature scaling of one label of several, and of any of several."""

    problem_type: str | None
    config: Any
    thresholds: Thresholds | None

    @property
    @abstractmethod
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""

    @property
    def no_temperature(self) -> str | None:
        """Numbers are no probabilities."""
        return "its answers are numbers, not labels" if self.problem_type == REGRESSION else None

    def label_logits(self, outputs: Any, batch: Batch) -> LabelLogits:
        """The logits of each row, an item a text."""
        examples = np.asarray(batch.examples, dtype=np.int64)
        return LabelLogits(
            outputs.logits.detach().double().cpu().numpy(),
            batch.targets["example"].cpu().numpy(),
            batch.targets["labels"].cpu().numpy().astype(np.int64),
            examples,
        )

    def take_temperature(self, temperature: float) -> dict[str, Any]:
        """Move the thresholds, so that each label is given where it was.

        sigmoid(z) >= t is sigmoid(z / T) >= sigmoid(logit(t) / T); 0.5 stays.
        """
        before = getattr(self.config, UNCALIBRATED_KEY, None) or self._by_label()
        if before is None:
            return {}
        moved = {name: moved_threshold(value, temperature) for name, value in before.items()}
        self.thresholds = thresholds_of(moved, self.label_names, CONFIG_KEY)
        return {CONFIG_KEY: moved, UNCALIBRATED_KEY: before}

    def _by_label(self) -> dict[str, float] | None:
        if self.thresholds is None:
            return None
        return dict(zip(self.label_names, self.thresholds, strict=True))


def moved_threshold(threshold: float, temperature: float) -> float:
    """What a threshold of sigmoid(z) is for sigmoid(z / T); 0 and 1 stay."""
    if threshold in (0.0, 0.5, 1.0) or temperature == 1:
        return threshold  # and not what rounding makes of it
    logit = math.log(threshold) - math.log1p(-threshold)
    return 1 / (1 + math.exp(-logit / temperature))
