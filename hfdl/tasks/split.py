"""Base classes of tokenised splits, and padding as a model wants it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hfdl.data.arrays import Array, ComputedArray, chunks
from hfdl.data.collate import pad_rows, padding_mask
from hfdl.tasks.protocol import Batch
from hfdl.weights.limits import padding_side, types_of_0_count


@dataclass(frozen=True)
class Padding:
    """How a model wants its rows padded.

    Args:
        pad_id: fills ``input_ids`` up.
        side: ``right`` or ``left``.
        with_types: whether the model takes ``token_type_ids``.
        type_id: fills those up.
        with_zeros: whether types that are all 0 say something to the model, too.
    """

    pad_id: int
    side: str = "right"
    with_types: bool = False
    type_id: int = 0
    with_zeros: bool = False

    @classmethod
    def of(cls, tokenizer: Any, config: Any = None) -> Padding:
        """As a tokenizer has it, and as the model of a config takes it; without one, as most do."""
        return cls(
            pad_id=tokenizer.pad_token_id,
            side="right" if config is None else padding_side(config),
            with_types="token_type_ids" in tokenizer.model_input_names,
            type_id=tokenizer.pad_token_type_id,
            with_zeros=config is not None and types_of_0_count(config),
        )

    def __call__(
        self, rows: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> dict[str, torch.Tensor]:
        """Rows as a model takes them, padded to the longest.

        Args:
            rows: R rows of token ids.
            types: the type of each token, where the rows have types.

        Returns:
            ``input_ids`` and ``attention_mask`` (R, T); ``token_type_ids`` (R, T) where the model
            takes them and one of them is not 0, or a 0 counts.
        """
        ids = pad_rows(rows, self.pad_id, side=self.side)  # (R, T)
        mask = padding_mask([len(row) for row in rows], ids.shape[1], side=self.side)  # (R, T)
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self.with_types and types is not None and (self.with_zeros or any(map(any, types))):
            inputs["token_type_ids"] = pad_rows(types, self.type_id, side=self.side)  # (R, T)
        return inputs


def digest_of(arrays: Sequence[Array], *rest: Any) -> str:
    """A digest of arrays, their types and shapes, and of whatever else has a ``repr``."""
    digest = hashlib.blake2b(repr(rest).encode("utf-8", "surrogatepass"))
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        for part in chunks(array):
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


class BaseSplit:
    """Name, lengths and places of a split's examples; a subclass adds ``batch``.

    Args:
        name: ``train``, ``validation`` or ``test``.
        lengths: tokens of each example, shape (N,): what batches are bucketed by.
        where: the place of an example in words.
    """

    def __init__(
        self,
        name: str,
        lengths: Sequence[int] | np.ndarray | ComputedArray,
        where: Callable[[int], str] = lambda row: f"text {row + 1}",
    ) -> None:
        self.name, self._where = name, where
        if not isinstance(lengths, ComputedArray):
            lengths = np.asarray(lengths, dtype=np.int64)
        self.lengths: np.ndarray | ComputedArray = lengths  # (N,)

    def __len__(self) -> int:
        return len(self.lengths)

    def where(self, example: int) -> str:
        """The place of an example in words: ``reviews.csv, line 12``."""
        return self._where(example)

    def references(self) -> Sequence[Any]:
        """The right answers; none, unless a subclass has some."""
        return []

    def describe(self, example: int) -> dict[str, Any]:
        """Fields of an example in predictions.jsonl, beside those of the prediction."""
        return {"where": self.where(example)}


class RowSplit(BaseSplit):
    """Rows of token ids without answers, for prediction; each row is an example.

    Args:
        rows: R rows, special tokens included.
        padding: how they are padded.
        types: the type of each token, where the rows have types.
    """

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        padding: Padding,
        types: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__("texts", [len(row) for row in rows])
        self.rows, self.padding, self.types = rows, padding, types

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """The given rows, padded to the longest. ``seed`` and ``epoch`` do not matter."""
        rows = [self.rows[i] for i in examples]
        types = None if self.types is None else [self.types[i] for i in examples]
        return Batch(self.padding(rows, types), {}, examples, sum(map(len, rows)))
