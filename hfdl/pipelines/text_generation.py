"""The text generation pipeline: transformers 5's structures, over hfdl's own searches.

The model is always in eval mode, an empty list gives an empty list, and a text does not depend on
what it is batched with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from hfdl.errors import ConfigError, DataError
from hfdl.generation import generate
from hfdl.generation.settings import Settings
from hfdl.pipelines.inputs import BasePipeline, answer_several, checked_batch_size
from hfdl.pipelines.open_model import open_model
from hfdl.pipelines.prompts import Prompt, is_chat, read_prompt, wrong_input
from hfdl.tasks.language_modeling.spec import CAUSAL_LM
from hfdl.weights.pretrained import length_limit

Answer = list[dict[str, Any]]
"""One dict for each sequence of a prompt."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How texts are written; see ``TextGenerationPipeline``."""

    max_new_tokens: int | None = None
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    num_beams: int = 1
    num_return_sequences: int = 1
    seed: int | None = None
    stop: str | list[str] | None = None
    return_full_text: bool = True
    return_tensors: bool = False

    def search(self) -> dict[str, Any]:
        """What ``hfdl.generation.generate`` takes of them."""
        names = ("do_sample", "temperature", "top_k", "top_p", "num_beams", "num_return_sequences")
        return {name: getattr(self, name) for name in names}


NEW_TOKENS = 256
"""Most tokens to write, where neither the call nor the room in the model says: transformers'."""


class TextGenerationPipeline(BasePipeline):
    """Continuations of prompts.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most prompts in one search. Default: one. A batch is padded on the left.
        max_new_tokens: most tokens to write. Default: 256, or as many as the model has room for.
        do_sample: draw tokens at random; else the likeliest is taken, or beams are searched.
        temperature, top_k, top_p: with do_sample; see ``hfdl.generation.sampling``.
        num_beams: above 1, beam search.
        num_return_sequences: of each prompt, with do_sample or up to num_beams.
        seed: of the draws. A prompt's depend on it and on its place in the input alone.
        stop: texts at which the writing ends; they and what follows them are cut off.
        return_full_text: whether the prompt stands before what was written.
        return_tensors: answer ``generated_token_ids``, prompt included, instead of texts.

    Raises:
        ConfigError: an option is unknown, impossible or without effect.
        ModelError: the model cannot be found, or does not say the next token.
    """

    task = "text-generation"

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> None:
        opened = open_model(CAUSAL_LM.name, model, tokenizer)
        super().__init__(opened, device, batch_size)
        self.limit = length_limit(opened.tokenizer, opened.config)
        self.options = _changed(Options(), options)

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
        chosen = _changed(self.options, options)
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

    def _write(self, inputs: list[Any], chosen: Options, size: int, first: int) -> list[Answer]:
        """Answers in the order of the inputs, the first of which is number ``first``."""
        prompts = [read_prompt(value, self.tokenizer, first + i) for i, value in enumerate(inputs)]
        rooms = [self._room(prompt, chosen, first + i) for i, prompt in enumerate(prompts)]
        answers: dict[int, Answer] = {}
        for batch in _batches(prompts, rooms, 1 if chosen.do_sample else size):
            written = self._search([prompts[i] for i in batch], rooms[batch[0]], chosen,
                                   first + batch[0])  # fmt: skip
            for i, sequences in zip(batch, written, strict=True):
                answers[i] = [self._record(prompts[i], ids, chosen) for ids in sequences]
        return [answers[i] for i in range(len(inputs))]

    def _room(self, prompt: Prompt, chosen: Options, number: int) -> int:
        """Most tokens that are written behind a prompt."""
        free = None if self.limit is None else self.limit - len(prompt.ids)
        most = chosen.max_new_tokens
        least = 1 if most is None else most
        if free is not None and free < least:
            raise DataError(
                f"{least} new token{'' if least == 1 else 's'} cannot follow the "
                f"{len(prompt.ids)} of the prompt",
                where=f"input {number + 1}",
                rule=f"the model reads {self.limit} tokens",
                remedy="shorten the prompt" + (f", or ask for {free}" if free > 0 else ""),
            )
        if most is not None:
            return most
        return NEW_TOKENS if free is None else min(NEW_TOKENS, free)

    def _search(
        self, prompts: list[Prompt], room: int, chosen: Options, number: int
    ) -> list[list[list[int]]]:
        """The new tokens of each sequence of each prompt, without padding."""
        width = max(len(prompt.ids) for prompt in prompts)
        ids = torch.full((len(prompts), width), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):  # on the left: new tokens follow the last column
            ids[row, width - len(prompt.ids) :] = torch.tensor(prompt.ids)
            mask[row, width - len(prompt.ids) :] = 1
        seed = None if chosen.seed is None else chosen.seed + number
        out = generate(
            self.model, ids.to(self.device), mask.to(self.device),
            max_new_tokens=room, seed=seed, pad_token_id=self.tokenizer.pad_token_id,
            **chosen.search(),
        )  # fmt: skip
        new = out[:, width:].tolist()  # (B * R, new)
        count, stops = chosen.num_return_sequences, self._stops()
        ended = [_until(row, stops) for row in new]
        return [ended[i * count : (i + 1) * count] for i in range(len(prompts))]

    def _stops(self) -> set[int]:
        """The tokens that end a text."""
        for holder in (getattr(self.model, "generation_config", None), self.model.config):
            value = getattr(holder, "eos_token_id", None)
            if value is not None:
                return {value} if isinstance(value, int) else {*value}
        return set()

    def _record(self, prompt: Prompt, new: list[int], chosen: Options) -> dict[str, Any]:
        if chosen.return_tensors:
            return {"generated_token_ids": [*prompt.ids, *new]}
        text = _cut(self.tokenizer.decode(new, skip_special_tokens=True), chosen.stop)
        return {"generated_text": prompt.with_answer(text) if chosen.return_full_text else text}


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


def _until(ids: list[int], stops: set[int]) -> list[int]:
    """Up to the first stop token, which is kept."""
    for i, token in enumerate(ids):
        if token in stops:
            return ids[: i + 1]
    return ids


def _cut(text: str, stop: str | list[str] | None) -> str:
    """What stands before the first of the texts to stop at."""
    for end in [stop] if isinstance(stop, str) else stop or []:
        text = text.split(end, 1)[0]
    return text


def _changed(options: Options, changes: dict[str, Any]) -> Options:
    known = [field.name for field in fields(Options)]
    for name in changes:
        if name not in known:
            raise ConfigError(
                f"text generation has no option {name!r}", where=name,
                rule=f"there are: {', '.join(known)}",
            )  # fmt: skip
    chosen = replace(options, **changes)
    Settings(
        max_new_tokens=NEW_TOKENS if chosen.max_new_tokens is None else chosen.max_new_tokens,
        **chosen.search(),
    )
    stops = [chosen.stop] if isinstance(chosen.stop, str) else chosen.stop or []
    if any(not isinstance(end, str) or not end for end in stops):
        raise ConfigError(
            f"{chosen.stop!r} cannot end a text", where="stop",
            rule="it is a text that is not empty, or a list of them",
        )  # fmt: skip
    return chosen
