"""The token-classification pipeline: named entities, part-of-speech tags, any label a word.

It answers in transformers' structures and differs where those fail their users: the model is
always in eval mode, scores are plain floats, nothing is cut off, tags of BIOES and BILOU are
grouped as what they are. ``docs/pipelines.md`` has the list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch

from hfdl.config.own_code import no_exit
from hfdl.data.encode import read_template
from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.sentences import join_words
from hfdl.errors import ConfigError, DataError, NotFiniteError, did_you_mean
from hfdl.pipelines.inputs import BasePipeline, answer_several, as_list, checked_batch_size
from hfdl.pipelines.open_model import open_model
from hfdl.pipelines.token_classification.aggregation import STRATEGIES, aggregate, pieces_of
from hfdl.pipelines.token_classification.rows import (
    TokenizedText,
    TokenRows,
    tokenize_texts,
    tokenize_words,
)
from hfdl.tasks.inference import forward_batches, inference_batches
from hfdl.tasks.row_length import row_length
from hfdl.tasks.split import Padding
from hfdl.tasks.token_classification.spec import SPEC

Answer = list[dict[str, Any]]
Input = str | Sequence[str]

VITERBI = "viterbi"
"""The strategy of hfdl's own: words, and only tags that may follow each other."""


class TokenClassificationPipeline(BasePipeline):
    """Entities of texts, or tags of their tokens.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most rows in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``, or on a CPU ``int8``: faster, its scores a little off.
        aggregation_strategy: ``none`` for tokens; ``simple``, ``first``, ``average`` and ``max`` as
            transformers has them; ``viterbi`` for what training evaluates: each word's tag from
            its first token, and of all tags of a text the likeliest that may follow each other.
            The default is transformers'.
        ignore_labels: tags (strategy ``none``) or types that are left out. Default: ``["O"]``.
        stride: tokens that neighbouring windows of a long text share. Default: the recipe's, else a
            quarter of ``max_length``.
        max_length: longest row in tokens, special ones included; a longer text is read in windows.
            Default: the recipe's, else the model's limit.

    Raises:
        ConfigError: an option has a value that it cannot have.
        ModelError: the model cannot be found, or does not label tokens.
    """

    task = "token-classification"
    item = str | list[str]
    item_words = "a text; with is_split_into_words a list of words"

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        aggregation_strategy: str = "none",
        ignore_labels: Collection[str] | None = None,
        stride: int | None = None,
        max_length: int | None = None,
    ) -> None:
        self._opened = open_model(SPEC.name, model, tokenizer)
        super().__init__(self._opened, device, batch_size, precision)
        self._strategy = _checked_strategy(aggregation_strategy)
        self._ignore = frozenset(["O"] if ignore_labels is None else ignore_labels)
        self._template = read_template(self.tokenizer, pair=False)
        self._length = self._checked_length(max_length)
        self._stride = self._checked_stride(stride, self._opened.recipe.data.stride)
        self._names = self._opened.task().label_names

    @no_exit()
    def __call__(
        self,
        inputs: Input | Iterable[Input],
        *,
        aggregation_strategy: str | None = None,
        ignore_labels: Collection[str] | None = None,
        stride: int | None = None,
        batch_size: int | None = None,
        is_split_into_words: bool = False,
        delimiter: str | None = None,
    ) -> Any:
        """Label one text, several, or a stream of them.

        Args:
            inputs: a text, a list of texts, or any other iterable of them.
            aggregation_strategy, ignore_labels, stride, batch_size: as for the class, for this
                call.
            is_split_into_words: a text is a list of words.
            delimiter: what joins such words to the text that ``start`` and ``end`` count
                characters of. Default: a blank.

        Returns:
            As transformers' pipeline. A text: a list of dicts, ``{"entity", "score", "index",
            "word", "start", "end"}`` a token with ``none``, else ``{"entity_group", "score",
            "word", "start", "end"}`` an entity. A list: one such list a text, ``[]`` for ``[]``;
            also for a single list of words, whose answer stands in a list. Another iterable: an
            iterator, which reads on as it is read.

        Raises:
            DataError: an input is no text, or with ``is_split_into_words`` no list of words.
        """
        strategy = _checked_strategy(aggregation_strategy or self._strategy)
        ignore = self._ignore if ignore_labels is None else frozenset(ignore_labels)
        overlap = self._checked_stride(stride, self._stride)
        size = checked_batch_size(batch_size) or self.batch_size
        between = (" " if delimiter is None else delimiter) if is_split_into_words else None

        def answer(texts: list[Input]) -> list[Answer]:
            _check(texts, is_split_into_words)
            if strategy == VITERBI:
                return self._entities(texts, between, overlap, ignore, size)
            return self._aggregated(texts, between, strategy, overlap, ignore, size)

        if isinstance(inputs, str):
            return answer([inputs])[0]
        several = as_list(inputs)
        if is_split_into_words and several and all(isinstance(one, str) for one in several):
            return answer([several])  # the words of one text
        return answer_several(inputs, answer, size, partial(_wrong_input, is_split_into_words))

    def is_one(self, inputs: Any, options: Mapping[str, Any]) -> bool:
        words = isinstance(inputs, list) and all(isinstance(one, str) for one in inputs)
        return isinstance(inputs, str) or bool(
            inputs and words and options.get("is_split_into_words")
        )

    def of_one(self, answer: Any, inputs: Any, options: Mapping[str, Any]) -> Any:
        return answer if isinstance(inputs, str) else [answer]

    def _aggregated(
        self,
        texts: list[Input],
        delimiter: str | None,
        strategy: str,
        overlap: int,
        ignore: Collection[str],
        limit: int | None,
    ) -> list[Answer]:
        tokens = self._tokenized(texts, delimiter)
        scores = self._scores(tokens, overlap, limit)
        before = len(self._template.specials[0])
        join = self.tokenizer.convert_tokens_to_string
        return [
            aggregate(
                pieces_of(text, rows, self.tokenizer, before), strategy, self._names, join, ignore
            )
            for text, rows in zip(tokens, scores, strict=True)
        ]

    def _entities(
        self,
        texts: list[Input],
        delimiter: str | None,
        overlap: int,
        ignore: Collection[str],
        limit: int | None,
    ) -> list[Answer]:
        """The entities by the very decoding that evaluation uses."""
        options = {"max_length": self._length, "stride": overlap}
        task = self._opened.task(options)
        split = task.encode(
            texts if delimiter is None else [_sentence(words, delimiter) for words in texts]
        )
        batches = inference_batches(split.lengths, self.max_tokens, limit)
        answers: dict[int, Answer] = {}
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            for i, prediction in zip(batch.examples, task.decode(outputs, batch), strict=True):
                entities = map(_entity, prediction["entities"])
                answers[i] = [one for one in entities if one["entity_group"] not in ignore]
        return [answers[i] for i in range(len(texts))]

    def _tokenized(self, texts: list[Input], delimiter: str | None) -> list[TokenizedText]:
        if delimiter is None:
            return tokenize_texts(self.tokenizer, cast("list[str]", texts))
        return [tokenize_words(self.tokenizer, words, delimiter) for words in texts]

    def _scores(
        self, texts: list[TokenizedText], overlap: int, limit: int | None
    ) -> list[np.ndarray]:
        """The probabilities of each text's tokens: (tokens, C) a text."""
        padding = Padding.of(self.tokenizer, self.model.config)
        rows = TokenRows(texts, self._template, padding, room=self._room, overlap=overlap)
        batches = inference_batches(rows.lengths, self.max_tokens, limit)
        scores: dict[int, np.ndarray] = {}
        for outputs, batch in forward_batches(self.model, rows, batches, self.device):
            chances = outputs.logits.double().softmax(dim=-1).cpu().numpy()  # (R, T, C)
            scores.update(zip(batch.examples, chances, strict=True))
        collected = rows.collect(scores, len(self._names))
        for i, chances in enumerate(collected):
            if np.isnan(chances).any():
                raise NotFiniteError(i, texts[i].text)
        return collected

    @property
    def _room(self) -> int:
        return self._length - self._template.size

    def _checked_length(self, length: int | None) -> int:
        return row_length(
            length or self._opened.recipe.data.max_length, self.tokenizer, self._opened.config,
            smallest=self._template.size + 2, longer="a longer text is read in windows",
            where="max_length",
        )  # fmt: skip

    def _checked_stride(self, stride: int | None, default: int | None) -> int:
        if stride is None:
            return self._length // 4 if default is None else default
        if not 0 <= stride < self._room:
            raise ConfigError(
                f"it cannot be {stride}",
                where="stride",
                rule=f"neighbouring windows of {self._room} tokens share 0 to {self._room - 1}",
                remedy="lower it, or leave it out",
            )
        return stride


def _sentence(words: Sequence[str], delimiter: str) -> Sentence:
    """Words as the task reads them; a word without characters is none."""
    text, spans = join_words(words, delimiter)
    return Sentence(text, tuple((start, end) for start, end in spans if start < end), None)


def _entity(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity that the task predicted, in the structure of the other strategies."""
    return {
        "entity_group": entity["label"],
        "score": entity["score"],
        "word": entity["text"],
        "start": entity["start"],
        "end": entity["end"],
    }


def _checked_strategy(name: str) -> str:
    known = [*STRATEGIES, VITERBI]
    if name.lower() not in known:
        raise ConfigError(
            f"unknown strategy {name!r}",
            where="aggregation_strategy",
            remedy=did_you_mean(name, known),
        )
    return name.lower()


def _check(texts: Sequence[Any], is_split_into_words: bool) -> None:
    for i, text in enumerate(texts):
        if not is_split_into_words:
            fits = isinstance(text, str)
        else:
            fits = isinstance(text, list | tuple) and all(isinstance(word, str) for word in text)
        if not fits:
            raise _wrong_input(is_split_into_words, text, i)


def _wrong_input(is_split_into_words: bool, value: Any, index: int) -> DataError:
    if is_split_into_words:
        return DataError(
            f"{value!r:.80} is no list of words",
            where=f"input {index + 1}",
            rule="with is_split_into_words an input is a list of words",
            remedy="split the text, or leave is_split_into_words out",
        )
    return DataError(
        f"cannot label {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text",
        remedy="for lists of words set is_split_into_words=True",
    )
