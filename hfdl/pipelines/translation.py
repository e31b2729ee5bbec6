"""The translation pipeline, in the structures of the one that transformers 5 removed.

The model is always in eval mode, an empty list gives an empty list, and a translation does not
depend on what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from hfdl.config.own_code import no_exit
from hfdl.errors import DataError
from hfdl.generation import stop_at
from hfdl.generation.text import cut_at
from hfdl.pipelines.generation_options import WritingOptions, seeded_at, writing_types
from hfdl.pipelines.inputs import BasePipeline, answer_several, checked_batch_size
from hfdl.pipelines.open_model import open_model
from hfdl.tasks.inference import inference_batches, naming_texts
from hfdl.tasks.protocol import Batch
from hfdl.tasks.translation.spec import SPEC
from hfdl.tasks.translation.task import Translation

Answer = dict[str, Any]


class TranslationPipeline(BasePipeline):
    """Translations of texts, by hfdl's own encoder-decoder or any of transformers'.

    What a model's ``generation_config`` asks for is done, or refused by name; options of a call
    come before it.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one search. Default: as many as fit a budget of tokens.
        max_length: as ``data.max_length``; longer texts are cut. Default: as the recipe says; a
            model without one reads all that it can.
        src_lang, tgt_lang: the languages, of a model that knows several: ``en_XX`` (mBART),
            ``eng_Latn`` (NLLB), ``en`` (T5). Default: as the recipe says.
        options: ``num_beams`` and the other settings of ``hfdl.generation.settings.Settings``;
            ``seed``, ``stop`` and ``return_scores`` as for text generation. Default: as the model
            says, else the likeliest token at each step.

    Attributes:
        prefix: what stands before every source, of a model that is told its languages so.

    Raises:
        ConfigError: an option is unknown or impossible, or the model knows no such language.
        ModelError: the model cannot be found, or does not translate.
    """

    task = str(SPEC.hub_task)
    has_int8 = False
    writes = True

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        max_length: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> None:
        reading: dict[str, Any] = {"src_lang": src_lang, "tgt_lang": tgt_lang}
        if max_length is not None:
            reading |= {"max_length": max_length, "long_text": "truncate"}
        reading = {name: value for name, value in reading.items() if value is not None}
        opened = open_model(SPEC.name, model, tokenizer, reading)
        super().__init__(opened, device, batch_size)
        self._opened = opened
        self.prefix: str = opened.task().prefix
        self.options: WritingOptions = self._changed(WritingOptions(), options)

    @no_exit()
    def __call__(
        self,
        inputs: str | Iterable[str],
        *,
        batch_size: int | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> Any:
        """Translate one text, several, or a stream of them.

        Args:
            inputs: a text, a list, or any other iterable of texts.
            batch_size, src_lang, tgt_lang, options: as for the class, for this call.

        Returns:
            ``[{"translation_text": ...}]`` for a text, one such dict a text for a list, and an
            iterator of them for another iterable, which reads on as it is read. With
            ``num_return_sequences`` above 1 each dict is a list of them.

        Raises:
            DataError: an input is no text.
            ConfigError: as for the class.
        """
        size = checked_batch_size(batch_size) or self.batch_size
        chosen = self._changed(self.options, options)
        given = {"src_lang": src_lang, "tgt_lang": tgt_lang}
        task = self._opened.task({name: value for name, value in given.items() if value})

        def answer(texts: list[str]) -> list[Any]:
            return self._translate(task, texts, size, chosen)

        if isinstance(inputs, str):
            return self.of_one(answer([inputs])[0], inputs, options)
        return answer_several(inputs, answer, size, _wrong_input)

    @classmethod
    def call_options(cls) -> dict[str, Any]:
        return {**super().call_options(), **writing_types()}

    def of_one(self, answer: Any, inputs: Any, options: Mapping[str, Any]) -> Any:
        return answer if isinstance(answer, list) else [answer]

    def options_at(self, options: Mapping[str, Any], place: int) -> Mapping[str, Any]:
        return seeded_at(options, place)

    def rows(self, item: Any, options: Mapping[str, Any]) -> int:
        return max(options.get("num_beams") or 1, options.get("num_return_sequences") or 1)

    def _changed(self, options: WritingOptions, changes: dict[str, Any]) -> WritingOptions:
        chosen = options.changed(changes, SPEC.name)
        chosen.rules(self.model)
        return chosen

    def _translate(
        self, task: Translation, texts: list[str], size: int | None, chosen: WritingOptions
    ) -> list[Any]:
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise _wrong_input(text, i)
        split = task.encode(texts)
        # Each beam of a text is a row of its own in the decoder.
        beams = chosen.rules(self.model).settings.num_beams
        written: dict[int, Any] = {}
        for examples in inference_batches(split.lengths, self.max_tokens // beams, size):
            batch = split.batch(examples.tolist()).to(self.device)
            with naming_texts(batch.examples, texts.__getitem__):
                answers = self._answers(task, batch, chosen)
            written.update(zip(batch.examples, answers, strict=True))
        return [written[i] for i in range(len(texts))]

    def _answers(self, task: Translation, batch: Batch, chosen: WritingOptions) -> list[Any]:
        """The answer of each text of a batch; a list of them where several are asked for."""
        stops = chosen.stops(chosen.rules(self.model))
        options = dict(chosen.search)
        if chosen.seed is not None:
            options["seed"] = [chosen.seed + example for example in batch.examples]
        none: list[int] = []
        found = task.write(
            self.model, batch,
            stop_text=stop_at(self._decode, [none] * len(batch.examples), stops), **options,
        )  # fmt: skip
        answers: list[Answer] = [
            {"translation_text": cut_at(text, stops).strip()} for text in task.texts(found)
        ]
        if chosen.return_scores:
            for row, answer in enumerate(answers):
                length = int(found.lengths[row])
                answer["score"] = found.sequence_scores[row].item()
                answer["token_ids"] = found.new_tokens[row, :length].tolist()
                answer["token_log_probs"] = found.token_log_probs[row, :length].tolist()
        count = len(answers) // len(batch.examples)
        if count == 1:
            return answers
        return [answers[i : i + count] for i in range(0, len(answers), count)]

    def _decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)


def _wrong_input(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot translate {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text",
    )
