"""Tokenised splits of labelled texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from hfdl.data.encode import EncodedText
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit, Padding


class ClassificationSplit(BaseSplit):
    """Encoded texts with their targets.

    Args:
        name: ``train``, ``validation`` or ``test``.
        encoded: N encoded texts.
        targets: shape (N,) int64 label ids, (N, C) float32 for multi-label, (N,) float32 for
            regression; None where there are no answers (prediction).
        answers: the right answers as a person wrote them, for ``references``.
        padding: how rows are padded.
        texts, pairs, where: what a prediction is shown with.
    """

    def __init__(
        self,
        name: str,
        encoded: Sequence[EncodedText],
        targets: np.ndarray | None,
        answers: Sequence[Any],
        padding: Padding,
        *,
        texts: Sequence[str] = (),
        pairs: Sequence[str] | None = None,
        where: Callable[[int], str] = lambda row: f"text {row + 1}",
    ) -> None:
        super().__init__(name, [text.size for text in encoded], where)
        self.encoded, self.targets, self.answers = encoded, targets, answers
        self.padding, self.texts, self.pairs = padding, texts, pairs

    def references(self) -> Sequence[Any]:
        """The right answers: label names, lists of them, or numbers."""
        return self.answers

    def describe(self, example: int) -> dict[str, Any]:
        """Place, text and right answer of an example."""
        pair = {} if self.pairs is None else {"text_pair": self.pairs[example]}
        return {
            "where": self.where(example),
            "text": self.texts[example],
            **pair,
            "label": self.answers[example],
        }

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """The given examples, all windows of each, padded to the longest row.

        ``seed`` and ``epoch`` do not matter: nothing about a classification batch is random.
        """
        chosen = [self.encoded[i] for i in examples]
        rows = [row for text in chosen for row in text.rows]
        windows = torch.tensor([len(text.rows) for text in chosen])  # (B,)
        targets = {
            "example": torch.repeat_interleave(torch.arange(len(chosen)), windows),  # (R,)
            "windows": windows,
        }
        if self.targets is not None:
            targets["labels"] = torch.from_numpy(self.targets[np.asarray(examples, dtype=np.int64)])
        types = [
            row_types
            for text in chosen
            for row_types in (text.types or [[0] * len(row) for row in text.rows])
        ]
        return Batch(self.padding(rows, types), targets, examples, sum(map(len, rows)))
