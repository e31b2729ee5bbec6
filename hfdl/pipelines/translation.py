"""The translation pipeline, in the structures of the one that transformers 5 removed.

The model is always in eval mode, an empty list gives an empty list, and a translation does not
depend on what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from hfdl.errors import DataError
from hfdl.pipelines.inputs import (
    BasePipeline,
    answer_several,
    at_least_one,
    checked_batch_size,
)
from hfdl.pipelines.open_model import open_model
from hfdl.tasks.inference import inference_batches, naming_texts, token_budget
from hfdl.tasks.translation.spec import SPEC
from hfdl.tasks.translation.task import Translation

Answer = dict[str, str]


class TranslationPipeline(BasePipeline):
    """Translations of texts.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one search. Default: as many as fit a budget of tokens.
        num_beams: above 1, beam search. Default: greedy search.
        max_length: as ``data.max_length``; longer texts are cut. Default: as the recipe says; a
            model without one reads all that it can.

    Raises:
        ConfigError: ``batch_size`` or ``num_beams`` is below 1.
        ModelError: the model cannot be found, or does not translate.
    """

    task = str(SPEC.hub_task)

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        num_beams: int = 1,
        max_length: int | None = None,
    ) -> None:
        options = {} if max_length is None else {"max_length": max_length, "long_text": "truncate"}
        opened = open_model(SPEC.name, model, tokenizer, options)
        super().__init__(opened, device, batch_size)
        self._task: Translation = opened.task()
        self.num_beams = at_least_one("num_beams", num_beams)

    def __call__(
        self,
        inputs: str | Iterable[str],
        *,
        batch_size: int | None = None,
        num_beams: int | None = None,
    ) -> Any:
        """Translate one text, several, or a stream of them.

        Args:
            inputs: a text, a list, or any other iterable of texts.
            batch_size, num_beams: as for the class, for this call.

        Returns:
            ``[{"translation_text": ...}]`` for a text, one such dict a text for a list, and an
            iterator of them for another iterable, which reads on as it is read.

        Raises:
            DataError: an input is no text.
        """
        size = checked_batch_size(batch_size) or self.batch_size
        beams = self.num_beams if num_beams is None else at_least_one("num_beams", num_beams)

        def answer(texts: list[str]) -> list[Answer]:
            return self._translate(texts, size, beams)

        if isinstance(inputs, str):
            return answer([inputs])
        return answer_several(inputs, answer, size, _wrong_input)

    def _translate(self, texts: list[str], size: int | None, beams: int) -> list[Answer]:
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise _wrong_input(text, i)
        split = self._task.encode(texts)
        # Each beam of a text is a row of its own in the decoder.
        budget = token_budget(self.device) // beams
        written: dict[int, str] = {}
        for examples in inference_batches(split.lengths, budget, size):
            batch = split.batch(examples.tolist()).to(self.device)
            with naming_texts(batch.examples, texts.__getitem__):
                answers = self._task.generate(self.model, batch, num_beams=beams)
            written.update(
                (i, answer["prediction"]) for i, answer in zip(batch.examples, answers, strict=True)
            )
        return [{"translation_text": written[i]} for i in range(len(texts))]


def _wrong_input(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot translate {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text",
    )
