"""The part of the task that a temperature is fitted by; see ``Calibrates``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hfdl.tasks.label_logits import LabelLogits
from hfdl.tasks.protocol import Batch


class Calibrated:
    """Temperature scaling of tags.

    The likeliest tags that may follow each other stay the same: a sequence's score is a sum of
    logits less a sum that all sequences share, and both are divided.
    """

    no_temperature: str | None = None

    def label_logits(self, outputs: Any, batch: Batch) -> LabelLogits:
        """The logits of each word at its first piece, an item a word. Lost words are left out."""
        row, position = batch.targets["row"], batch.targets["position"]
        examples = torch.as_tensor(list(batch.examples), device=row.device)
        of = torch.repeat_interleave(examples, batch.targets["words"])  # (W,)
        return LabelLogits(
            outputs.logits[row, position].detach().double().cpu().numpy(),
            np.arange(len(of)),
            batch.targets["labels"][row, position].cpu().numpy(),
            of.cpu().numpy(),
        )

    def take_temperature(self, temperature: float) -> dict[str, Any]:
        """Nothing to change: tags have no thresholds."""
        del temperature
        return {}
