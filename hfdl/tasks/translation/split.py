"""Tokenised splits for translation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfdl.data.collate import pad_rows, padding_mask
from hfdl.data.encode import EncodedText
from hfdl.hf_models.encoder_decoder import shift_right
from hfdl.nn.losses import IGNORED
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit


@dataclass(frozen=True)
class TargetIds:
    """The ids that a decoder is fed with beside the words.

    Args:
        start: what every target begins with.
        pad: fills rows up.
        masked: whether the model is told which target tokens are padding; hfdl's own then computes
            none of it. Others need no mask on the right, and some would run a slower attention.
    """

    start: int
    pad: int
    masked: bool = False


class TranslationSplit(BaseSplit):
    """Encoded sources with their targets.

    Args:
        name: ``train``, ``validation`` or ``test``.
        sources: N encoded texts of one row each.
        targets: N encoded translations; None where there are none (prediction).
        ids: padding and start.
        texts, answers: the sources and the right translations as a person wrote them.
        where: the place of an example in words.
    """

    def __init__(
        self,
        name: str,
        sources: Sequence[EncodedText],
        targets: Sequence[EncodedText] | None,
        ids: TargetIds,
        *,
        texts: Sequence[str] = (),
        answers: Sequence[str] = (),
        where: Callable[[int], str] = lambda row: f"text {row + 1}",
    ) -> None:
        sizes = np.array([text.size for text in sources], dtype=np.int64)  # (N,)
        if targets is not None:
            sizes += np.array([text.size for text in targets], dtype=np.int64)
        super().__init__(name, sizes, where)
        self.sources, self.targets, self.ids = sources, targets, ids
        self.texts, self.answers = texts, answers

    def references(self) -> Sequence[str]:
        """The right translations."""
        return self.answers

    def describe(self, example: int) -> dict[str, Any]:
        """Place, source and right translation of an example."""
        return {
            "where": self.where(example),
            "text": self.texts[example],
            "label": self.answers[example],
        }

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """The given examples, padded to the longest source and the longest target.

        The decoder is given the right target, shifted right behind the start token, whatever it
        would have predicted itself: teacher forcing. ``seed`` and ``epoch`` do not matter: nothing
        about the batch is random.
        """
        sources = [self.sources[i].rows[0] for i in examples]
        lengths = [len(row) for row in sources]
        ids = pad_rows(sources, self.ids.pad)  # (B, S)
        inputs = {"input_ids": ids, "attention_mask": padding_mask(lengths, ids.shape[1])}
        if self.targets is None:
            return Batch(inputs, {}, examples, sum(lengths))
        targets = [self.targets[i].rows[0] for i in examples]
        labels = pad_rows(targets, IGNORED)  # (B, T)
        inputs["decoder_input_ids"] = shift_right(
            labels, start_token_id=self.ids.start, pad_token_id=self.ids.pad
        )
        if self.ids.masked:
            sizes = [len(row) for row in targets]
            inputs["decoder_attention_mask"] = padding_mask(sizes, labels.shape[1])
        return Batch(inputs, {"labels": labels}, examples, sum(lengths) + sum(map(len, targets)))
