"""Log-probabilities of tokens at masks, each text read in the window that a model has room for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hfdl.data.encode import Template
from hfdl.errors import DataError, NotFiniteError
from hfdl.tasks.inference import forward_batches, inference_batches
from hfdl.tasks.split import Padding, RowSplit

_SPARE = 4
"""Logits of every token are formed, so that fewer tokens than usual fit in memory."""


@dataclass(frozen=True)
class Question:
    """A position of a text, whose token a model is to predict.

    Args:
        ids: the text, without special tokens around it.
        position: of the token to predict.
        near: the first and the last token that must be read together.
        where: the text's place in words.
    """

    ids: Sequence[int]
    position: int
    near: tuple[int, int]
    where: str


@dataclass(frozen=True)
class MaskModel:
    """A masked language model that answers questions.

    Args:
        model: on its device.
        template: what its tokenizer puts around a text.
        padding: how rows are padded.
        limit: longest row that it takes, in tokens; None: any.
        device: where it is.
        max_tokens: padded tokens of a forward pass of a model that gives a number a token.
    """

    model: Any
    template: Template
    padding: Padding
    limit: int | None
    device: torch.device
    max_tokens: int

    def log_probabilities(
        self, questions: Sequence[Question], batch_size: int | None
    ) -> list[torch.Tensor]:
        """The logarithm of each token's probability at the question's position: (V,) a question.

        Raises:
            DataError: what must be read together does not fit the model.
        """
        windows = [self._window(question) for question in questions]
        questions_of_rows: dict[tuple[int, ...], list[int]] = {}  # each row is read once
        for number, (row, _) in enumerate(windows):
            questions_of_rows.setdefault(row, []).append(number)
        rows = list(questions_of_rows)
        split = RowSplit(rows, self.padding)
        budget = max(1, self.max_tokens // _SPARE)
        batches = inference_batches(split.lengths, budget, batch_size)
        answers: dict[int, torch.Tensor] = {}
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            width = outputs.logits.shape[1]
            for i, example in enumerate(batch.examples):
                row = rows[example]
                shift = 0 if self.padding.side == "right" else width - len(row)
                for number in questions_of_rows[row]:
                    logits = outputs.logits[i, windows[number][1] + shift].double().cpu()  # (V,)
                    answers[number] = logits.log_softmax(-1)
                    if bool(answers[number].isnan().any()):
                        raise NotFiniteError(number, place=questions[number].where)
        return [answers[number] for number in range(len(questions))]

    def _window(self, question: Question) -> tuple[tuple[int, ...], int]:
        """The row that is read, and the question's position in it."""
        ids, (first, last) = question.ids, question.near
        before = len(self.template.specials[0])
        room = len(ids) if self.limit is None else self.limit - self.template.size
        if len(ids) <= room:
            return tuple(self.template.build(ids)), question.position + before
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
        return tuple(window), question.position - begin + before
