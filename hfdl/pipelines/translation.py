"""The translation pipeline, in the structures of the one that transformers 5 removed.

The model is always in eval mode, an empty list gives an empty list, and a translation does not
depend on what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch

from hfdl.errors import ConfigError, DataError
from hfdl.pipelines.models import open_model
from hfdl.tasks.inference import inference_batches, token_budget
from hfdl.tasks.translation import Translation

Answer = dict[str, str]

# Texts of a generator that are read at once, without a batch_size: enough to sort by length.
_WINDOW = 256


class TranslationPipeline:
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

    task = "translation"

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
        opened = open_model("translation", model, tokenizer)
        reading = {} if max_length is None else {"max_length": max_length, "long_text": "truncate"}
        self._task: Translation = opened.task(reading)
        self.device = _device(device)
        self.model = opened.model.to(self.device)
        self.tokenizer = opened.tokenizer
        self.batch_size = (
            batch_size if batch_size is None else _at_least_one("batch_size", batch_size)
        )
        self.num_beams = _at_least_one("num_beams", num_beams)

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
        size = self.batch_size if batch_size is None else _at_least_one("batch_size", batch_size)
        beams = self.num_beams if num_beams is None else _at_least_one("num_beams", num_beams)
        if isinstance(inputs, str):
            return self._translate([inputs], size, beams)
        if isinstance(inputs, list | tuple):
            return self._translate(list(inputs), size, beams)
        if isinstance(inputs, bytes | dict) or not isinstance(inputs, Iterable):
            raise _wrong_input(inputs, 0)
        return self._stream(inputs, size, beams)

    def _stream(self, inputs: Iterable[str], size: int | None, beams: int) -> Iterator[Answer]:
        rest = iter(inputs)
        while window := list(islice(rest, size or _WINDOW)):
            yield from self._translate(window, size, beams)

    def _translate(self, texts: list[str], size: int | None, beams: int) -> list[Answer]:
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise _wrong_input(text, i)
        split = self._task.encode(texts)
        # Each beam of a text is a row of its own in the decoder.
        budget = token_budget(self.device) // beams
        found: dict[int, str] = {}
        for examples in inference_batches(split.lengths, budget, size):
            batch = split.batch(examples.tolist()).to(self.device)
            answers = self._task.generate(self.model, batch, num_beams=beams)
            found.update(
                (i, answer["prediction"]) for i, answer in zip(batch.examples, answers, strict=True)
            )
        return [{"translation_text": found[i]} for i in range(len(texts))]


def _wrong_input(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot translate {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text",
    )


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise ConfigError(
            f"it cannot be {value}", where=name, rule="it is a whole number, 1 or more",
            remedy="raise it, or leave it out",
        )  # fmt: skip
    return value


def _device(device: str | int | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(device, int):  # transformers counts GPUs from 0; -1 is the CPU
        return torch.device("cpu" if device < 0 else f"cuda:{device}")
    return torch.device(device)
