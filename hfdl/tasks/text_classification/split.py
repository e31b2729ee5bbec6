"""A tokenised split of labelled texts, and how some of its examples become a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hfdl.data.collate import pad_rows, padding_mask
from hfdl.data.encode import EncodedText
from hfdl.tasks.protocol import Batch


@dataclass(frozen=True)
class Padding:
    """How a model wants its rows padded."""

    pad_id: int
    side: str = "right"
    multiple_of: int = 1
    with_types: bool = False
    type_id: int = 0


class ClassificationSplit:
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
        self.name = name
        self.encoded = encoded
        self.targets = targets
        self.answers = answers
        self.padding = padding
        self.texts = texts
        self.pairs = pairs
        self._where = where
        self.lengths = np.array([text.size for text in encoded], dtype=np.int64)  # (N,)

    def __len__(self) -> int:
        return len(self.encoded)

    def references(self) -> Sequence[Any]:
        """The right answers: label names, lists of them, or numbers."""
        return self.answers

    def where(self, example: int) -> str:
        """The place of an example in words."""
        return self._where(example)

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
        lengths = [len(row) for row in rows]
        windows = torch.tensor([len(text.rows) for text in chosen])  # (B,)
        targets = {
            "example": torch.repeat_interleave(torch.arange(len(chosen)), windows),  # (R,)
            "windows": windows,
        }
        if self.targets is not None:
            targets["labels"] = torch.from_numpy(self.targets[np.asarray(examples, dtype=np.int64)])
        return Batch(self._inputs(chosen, rows, lengths), targets, examples, sum(lengths))

    def _inputs(
        self, chosen: Sequence[EncodedText], rows: list[list[int]], lengths: list[int]
    ) -> dict[str, torch.Tensor]:
        pad = self.padding
        ids = pad_rows(rows, pad.pad_id, side=pad.side, multiple_of=pad.multiple_of)  # (R, T)
        inputs = {
            "input_ids": ids,
            "attention_mask": padding_mask(lengths, ids.shape[1], side=pad.side),
        }
        if pad.with_types and any(text.types for text in chosen):
            types = [
                kinds
                for text in chosen
                for kinds in (text.types or [[0] * len(row) for row in text.rows])
            ]
            inputs["token_type_ids"] = pad_rows(
                types, pad.type_id, side=pad.side, multiple_of=pad.multiple_of
            )  # (R, T)
        return inputs
