"""The text generation pipeline: transformers 5's structures, over hfdl's own searches.

The model is always in eval mode, an empty list gives an empty list, and a text does not depend on
what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hfdl.config.own_code import no_exit
from hfdl.errors import DataError
from hfdl.generation import generate_with_scores, stop_at, stream, stream_text
from hfdl.generation.model_rules import own_value
from hfdl.generation.text import continued, cut_at
from hfdl.pipelines.generation_options import WritingOptions, seeded_at, writing_types
from hfdl.pipelines.inputs import BasePipeline, answer_several, checked_batch_size
from hfdl.pipelines.open_model import open_model
from hfdl.pipelines.prompts import Message, Prompt, is_chat, is_new_answer, read_prompt, wrong_input
from hfdl.pipelines.settling import changes_ends, single_bytes
from hfdl.tasks.inference import naming_texts
from hfdl.tasks.language_modeling.spec import CAUSAL_LM
from hfdl.weights.limits import length_limit

Answer = list[dict[str, Any]]
"""One dict for each sequence of a prompt."""


@dataclass(frozen=True, kw_only=True)
class Options(WritingOptions):
    """How texts are written and answered; see ``TextGenerationPipeline``."""

    return_full_text: bool = True
    return_tensors: bool = False


@dataclass(frozen=True)
class Written:
    """A sequence: its new tokens without padding, and how probable they were."""

    ids: list[int]
    log_probs: list[float]
    score: float


NEW_TOKENS = 256
"""Most tokens to write, where neither call, model nor the room in it says: transformers'."""


class TextGenerationPipeline(BasePipeline):
    """Continuations of prompts.

    What a model's ``generation_config`` asks for is done, or refused by name; options of a call
    come before it.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most prompts in one search. Default: one. A batch is padded on the left.
        precision: ``float32``, or on a CPU ``int8``: faster, and now and then another token.
        options: those of ``hfdl.generation.settings.Settings`` under transformers' names
            (``max_new_tokens``, ``do_sample``, ``temperature``, ``top_k``, ``top_p``,
            ``num_beams``, ``num_return_sequences``, ``repetition_penalty``,
            ``no_repeat_ngram_size``, ``min_new_tokens``, ...), and:

            * max_new_tokens: most tokens to write. Default: as the model says, else 256, or as many
              as there is room for.
            * seed: of the draws. A prompt's depend on it and on its place in the input alone.
            * stop: texts at which the writing ends, wherever in a token they begin or end; they and
              what follows them are cut off.
            * return_full_text: whether the prompt stands before what was written.
            * return_tensors: answer ``generated_token_ids``, prompt included, instead of texts; of
              a text to stop at, up to the token that completes it.
            * return_scores: answer ``score``, the log-probability of what was written (of beams
              the score that they were chosen by), and ``token_ids`` and ``token_log_probs`` of each
              new token as well.

    Raises:
        ConfigError: an option is unknown, impossible or without effect, or the model asks for
            what hfdl does not do.
        ModelError: the model cannot be found, or does not say the next token.
    """

    task = "text-generation"
    writes = True
    item = str | list[Message]
    item_words = 'a text, or a chat: [{"role": ..., "content": ...}, ...]'

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        **options: Any,
    ) -> None:
        opened = open_model(CAUSAL_LM.name, model, tokenizer)
        super().__init__(opened, device, batch_size, precision)
        self.limit = length_limit(opened.tokenizer, opened.config)
        self.options: Options = self._changed(Options(), options)

    @no_exit()
    def __call__(self, inputs: Any, *, batch_size: int | None = None, **options: Any) -> Any:
        """Continue one prompt, several, or a stream of them.

        Args:
            inputs: a text, a chat (a list of ``{"role", "content"}``) where the tokenizer has a
                template for them, a list of either, or any other iterable of them.
            batch_size: as for the class, for this call.
            options: as for the class, for this call.

        Returns:
            ``[{"generated_text": ...}]`` for a prompt, one dict a sequence; a list of those for a
            list; an iterator of them for another iterable, which reads on as it is read. Of a
            chat the text is the chat with an answer of role ``assistant`` behind it; a last
            message of the assistant's is gone on with.

        Raises:
            DataError: an input is neither text nor chat, or has no room for a token behind it.
            ConfigError: an option is unknown, impossible or without effect.
        """
        chosen = self._changed(self.options, options)
        size = checked_batch_size(batch_size) or self.batch_size or 1
        done = 0

        def answer(some: list[Any]) -> list[Answer]:
            nonlocal done
            written = self._write(some, chosen, size, done)
            done += len(some)
            return written

        if isinstance(inputs, str) or is_chat(inputs):
            return answer([inputs])[0]
        return answer_several(inputs, answer, size, wrong_input)

    def stream(self, prompt: Any, **options: Any) -> Iterator[str]:
        """What follows a prompt, piece by piece as it is written.

        Joined, the pieces are the text of a call with ``return_full_text=False``. No piece ends
        within a character, or within a text to stop at.

        Args:
            prompt: a text or a chat.
            options: as for the class, for this call; one sequence, no beams.

        Raises:
            DataError: as ``__call__``.
            ConfigError: as ``__call__``, or beams are asked for.
        """
        chosen = self._changed(self.options, {**options, "num_return_sequences": 1})
        read = self._read(prompt, 0)
        rules = chosen.rules(self.model)
        search = {**chosen.search, "max_new_tokens": self._room(read, chosen, 0)}
        ids = torch.tensor([read.ids], device=self.device)
        tokens = stream(
            self.model, ids, seed=chosen.seed, pad_token_id=self.tokenizer.pad_token_id,
            stop_text=stop_at(self._decode, [read.ids], chosen.stops(rules)), **search,
        )  # fmt: skip
        before = [] if is_new_answer(read) else read.ids
        return stream_text(
            tokens, self._decode, prompt=before, stops=chosen.stops(rules),
            by_words=changes_ends(self.tokenizer), unsettled=single_bytes(self.tokenizer),
        )  # fmt: skip

    @classmethod
    def call_options(cls) -> dict[str, Any]:
        return {**super().call_options(), **writing_types(), "return_full_text": bool}

    def is_one(self, inputs: Any, options: Mapping[str, Any]) -> bool:
        return super().is_one(inputs, options) or is_chat(inputs)

    def options_at(self, options: Mapping[str, Any], place: int) -> Mapping[str, Any]:
        return seeded_at(options, place)

    def rows(self, item: Any, options: Mapping[str, Any]) -> int:
        return max(options.get("num_beams") or 1, options.get("num_return_sequences") or 1)

    def _changed(self, options: Options, changes: dict[str, Any]) -> Options:
        chosen = options.changed(changes, "text generation")
        chosen.rules(self.model)  # what cannot be is refused before anything is read
        return chosen

    def _read(self, value: Any, number: int) -> Prompt:
        return read_prompt(value, self.tokenizer, number, own_value(self.model, "bos_token_id"))

    def _decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def _write(self, inputs: list[Any], chosen: Options, size: int, first: int) -> list[Answer]:
        """Answers in the order of the inputs, the first of which is number ``first``."""
        prompts = [self._read(value, first + i) for i, value in enumerate(inputs)]
        rooms = [self._room(prompt, chosen, first + i) for i, prompt in enumerate(prompts)]
        answers: dict[int, Answer] = {}
        # A draw must not hang on the rounding of a batch, which greedy search hardly feels.
        size = 1 if chosen.rules(self.model).settings.do_sample else size
        for batch in _batches(prompts, rooms, size):
            with naming_texts([first + i for i in batch], lambda i: str(inputs[i - first])):
                written = self._search([prompts[i] for i in batch], rooms[batch[0]], chosen,
                                       first + batch[0])  # fmt: skip
            for i, sequences in zip(batch, written, strict=True):
                answers[i] = [self._record(prompts[i], each, chosen) for each in sequences]
        return [answers[i] for i in range(len(inputs))]

    def _room(self, prompt: Prompt, chosen: Options, number: int) -> int:
        """Most tokens that are written behind a prompt."""
        length, rules = len(prompt.ids), chosen.rules(self.model)
        free = None if self.limit is None else self.limit - length
        most = chosen.max_new_tokens
        least = 1 if most is None else most
        if free is not None and free < least:
            raise DataError(
                f"{least} new token{'' if least == 1 else 's'} cannot follow the "
                f"{length} of the prompt",
                where=f"input {number + 1}",
                rule=f"the model reads {self.limit} tokens",
                remedy="shorten the prompt"
                + (f", or give max_new_tokens={free}" if free > 0 else ""),
            )
        if rules.total is not None and rules.total <= length:
            raise DataError(
                f"no token may follow the {length} of the prompt",
                where=f"input {number + 1}",
                rule=f"the model's generation_config says max_length {rules.total}, prompt "
                "included",
                remedy="give max_new_tokens",
            )
        if most is None:
            most = rules.new_tokens or (NEW_TOKENS if rules.total is None else rules.total - length)
        return most if free is None else min(most, free)

    def _search(
        self, prompts: list[Prompt], room: int, chosen: Options, number: int
    ) -> list[list[Written]]:
        """The sequences of each prompt."""
        width = max(len(prompt.ids) for prompt in prompts)
        ids = torch.full((len(prompts), width), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):  # on the left: new tokens follow the last column
            ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
            mask[row, width - len(prompt.ids) :] = 1
        rules = chosen.rules(self.model)
        stops = chosen.stops(rules)
        found = generate_with_scores(
            self.model, ids.to(self.device), mask.to(self.device),
            seed=None if chosen.seed is None else chosen.seed + number,
            pad_token_id=self.tokenizer.pad_token_id,
            stop_text=stop_at(self._decode, [prompt.ids for prompt in prompts], stops),
            **{**chosen.search, "max_new_tokens": room},
        )  # fmt: skip
        rows = zip(
            found.new_tokens.tolist(), found.token_log_probs.tolist(),
            found.sequence_scores.tolist(), found.lengths.tolist(), strict=True,
        )  # fmt: skip
        written = [Written(new[:n], log_probs[:n], score) for new, log_probs, score, n in rows]
        count = len(written) // len(prompts)
        return [written[i * count : (i + 1) * count] for i in range(len(prompts))]

    def _record(self, prompt: Prompt, written: Written, chosen: Options) -> dict[str, Any]:
        scores: dict[str, Any] = {}
        if chosen.return_scores:
            scores = {
                "score": written.score, "token_ids": written.ids,
                "token_log_probs": written.log_probs,
            }  # fmt: skip
        if chosen.return_tensors:
            return {"generated_token_ids": [*prompt.ids, *written.ids], **scores}
        stops = chosen.stops(chosen.rules(self.model))
        text: Any
        if isinstance(prompt.value, str):
            given, text = continued(self._decode, prompt.value, prompt.ids, written.ids)
            text = cut_at(text, stops)
            text = given + text if chosen.return_full_text else text
        else:
            before = [] if is_new_answer(prompt) else prompt.ids
            _, text = continued(self._decode, "", before, written.ids)
            text = cut_at(text, stops)
            text = prompt.with_answer(text) if chosen.return_full_text else text
        return {"generated_text": text, **scores}


def _batches(prompts: list[Prompt], rooms: list[int], size: int) -> Iterator[list[int]]:
    """Prompts with the same room, up to ``size`` at a time, alike in length."""
    order = sorted(range(len(prompts)), key=lambda i: (rooms[i], len(prompts[i].ids)))
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) == size or rooms[i] != rooms[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
