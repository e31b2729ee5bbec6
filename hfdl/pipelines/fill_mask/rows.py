"""Texts with masks, the windows of them that a model can read, and what it says of the masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hfdl.data.encode import Template
from hfdl.errors import DataError
from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.tasks.split import Padding, RowSplit
from hfdl.weights.pretrained import padding_side

_SPARE = 4
"""Logits of every token are formed, so that fewer tokens than usual fit in memory."""


@dataclass(frozen=True)
class Question:
    """What a model is asked of one text.

    Args:
        ids: the text, without special tokens around it.
        place: whose token is asked for.
        near: the first and the last token that must be read together.
        where: the text's place in words.
    """

    ids: Sequence[int]
    place: int
    near: tuple[int, int]
    where: str


@dataclass(frozen=True)
class MaskModel:
    """A masked language model that answers questions.

    Args:
        model: on its device.
        template: what its tokenizer puts around a text.
        pad_id: fills rows up.
        limit: longest row that it takes, in tokens; None: any.
        device: where it is.
    """

    model: Any
    template: Template
    pad_id: int
    limit: int | None
    device: torch.device

    def log_probabilities(
        self, questions: Sequence[Question], batch_size: int | None
    ) -> list[torch.Tensor]:
        """The logarithm of each token's probability at the place asked for: (V,) a question.

        Raises:
            DataError: what must be read together does not fit the model.
        """
        windows = [self._window(question) for question in questions]
        rows: dict[tuple[int, ...], int] = {}  # the same row is read once, however many ask
        for row, _ in windows:
            rows.setdefault(row, len(rows))
        asked: list[list[int]] = [[] for _ in rows]
        for number, (row, _) in enumerate(windows):
            asked[rows[row]].append(number)
        split = RowSplit([*rows], Padding(self.pad_id, padding_side(self.model.config)))
        budget = max(1, token_budget(self.device) // _SPARE)
        batches = inference_batches(split.lengths, budget, batch_size)
        found: dict[int, torch.Tensor] = {}
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            width = outputs.logits.shape[1]
            for i, example in enumerate(batch.examples):
                shift = 0 if split.padding.side == "right" else width - int(split.lengths[example])
                for number in asked[example]:
                    logits = outputs.logits[i, windows[number][1] + shift].double().cpu()  # (V,)
                    found[number] = logits.log_softmax(-1)
        return [found[number] for number in range(len(questions))]

    def _window(self, question: Question) -> tuple[tuple[int, ...], int]:
        """The row that is read, and the place in it that is asked for."""
        ids, (first, last) = question.ids, question.near
        before = len(self.template.specials[0])
        room = len(ids) if self.limit is None else self.limit - self.template.size
        if len(ids) <= room:
            return tuple(self.template.build(ids)), question.place + before
        if last - first + 1 > room:
            raise DataError(
                f"its masks are {last - first + 1} tokens apart",
                where=question.where,
                rule=f"the model reads {room} tokens at once",
                remedy="give each part of the text with a mask of its own",
            )
        # As much context on either side, and no room wasted at the ends of the text.
        begin = min(max(0, (first + last + 1 - room) // 2), len(ids) - room)
        window = self.template.build(ids[begin : begin + room])
        return tuple(window), question.place - begin + before
