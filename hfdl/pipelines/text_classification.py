"""The text-classification pipeline.

It answers in transformers' structures, and differs where transformers fails its users: the model
is always in eval mode, scores are plain floats, an empty list gives an empty list, and a text that
is longer than the model is read as the recipe says (``data.long_text``) instead of raising.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired, cast

import torch
from typing_extensions import TypedDict

from hfdl.config.own_code import no_exit
from hfdl.errors import ConfigError, DataError, did_you_mean
from hfdl.pipelines.inputs import (
    BasePipeline,
    answer_several,
    at_least_one,
    checked_batch_size,
)
from hfdl.pipelines.open_model import open_model
from hfdl.tasks.inference import (
    forward_batches,
    inference_batches,
    refuse_non_finite,
)
from hfdl.tasks.text_classification.data import MULTI
from hfdl.tasks.text_classification.decoding import FUNCTIONS
from hfdl.tasks.text_classification.spec import SPEC
from hfdl.tasks.text_classification.task import TextClassification
from hfdl.tasks.text_classification.thresholds import THRESHOLD, refuse_thresholds, thresholds_of

Answer = dict[str, Any]
Input = str | Mapping[str, str]

_UNSET: Any = object()


class TextPair(TypedDict):
    """An input of two texts; with ``text`` alone, of one whose answer stands in no list."""

    text: str
    text_pair: NotRequired[str | None]


class TextClassificationPipeline(BasePipeline):
    """Labels and scores for texts.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``, or on a CPU ``int8``: faster, its scores a little off.
        top_k: how many labels to give; None for all. Default: the best one, not in a list.
        function_to_apply: ``softmax``, ``sigmoid`` or ``none``. Default: by the problem's type.
        threshold: of a model whose texts may have several labels: the score from which on one is
            given, for all labels or by label; the answer is the list of these. Default: what the
            model was saved with (``tune.threshold``), else 0.5, as evaluation counts them.
        long_text: as ``data.long_text``. Default: the recipe's; for a model without one ``window``.
        max_length: as ``data.max_length``. Default: the recipe's, else the model's limit.
        truncation: as transformers' tokenizers take it; True is ``long_text="truncate"``.
    """

    task = "text-classification"
    item = str | TextPair
    item_words = 'a text, or {"text": ..., "text_pair": ...}'
    answer_counts = frozenset({"top_k"})

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        top_k: int | None = _UNSET,
        function_to_apply: str | None = None,
        threshold: float | Mapping[str, float] | None = None,
        long_text: str | None = None,
        max_length: int | None = None,
        truncation: bool | None = None,
    ) -> None:
        options = _data_options(long_text, max_length, truncation)
        self._opened = open_model(SPEC.name, model, tokenizer, options)
        super().__init__(self._opened, device, batch_size, precision)
        self._top_k = _checked_count(top_k)
        self._function = _checked_function(function_to_apply)
        self._threshold = threshold
        self._least(threshold, self._function)

    @no_exit()
    def __call__(
        self,
        inputs: Input | Iterable[Input],
        *,
        top_k: int | None = _UNSET,
        function_to_apply: str | None = None,
        batch_size: int | None = None,
        threshold: float | Mapping[str, float] | None = None,
        long_text: str | None = None,
        max_length: int | None = None,
        truncation: bool | None = None,
    ) -> Any:
        """Classify one text, several, or a stream of them.

        Args:
            inputs: a text, a dict with ``text`` and ``text_pair``, a list of either, or any other
                iterable of either.
            top_k, function_to_apply, batch_size, threshold, long_text, max_length, truncation: as
                for the class, for this call.

        Returns:
            As transformers' pipeline. A text: ``[{"label", "score"}]``; with ``top_k`` the list
            of the best; of a model of several labels a text the list of those that hold, the
            best first, which transformers' pipeline has no way to ask for. A dict:
            the bare answer. A list: one answer a text, and ``[]`` for ``[]``. Another iterable: an
            iterator, which reads on as it is read: ``batch_size`` texts at a time, without one 256.

        Raises:
            ConfigError: an option has a value that it cannot have, such as a ``top_k`` below 1.
            DataError: an input is neither a text nor such a dict.
        """
        best = self._top_k if top_k is _UNSET else _checked_count(top_k)
        limit = checked_batch_size(batch_size) or self.batch_size
        function = _checked_function(function_to_apply) or self._function
        task = self._opened.task(_data_options(long_text, max_length, truncation))
        least = self._asked(best, threshold, function)

        def answer(texts: list[Input]) -> list[Any]:
            rows = self._scores(task, texts, function, limit)
            return [_shape(scores, best, least) for scores in rows]

        if isinstance(inputs, str | Mapping):
            (only,) = answer([cast(Input, inputs)])
            # transformers puts a single text's answer into a list, unless this very call asks for
            # top_k.
            stands_alone = isinstance(inputs, Mapping) or top_k is not _UNSET or least is not None
            return only if stands_alone else [only]
        return answer_several(inputs, answer, limit, _wrong_input)

    def of_one(self, answer: Any, inputs: Any, options: Mapping[str, Any]) -> Any:
        if isinstance(inputs, Mapping) or "top_k" in options:
            return answer
        function = _checked_function(options.get("function_to_apply")) or self._function
        least = self._asked(self._top_k, options.get("threshold"), function)
        return [answer] if least is None else answer

    def _scores(
        self, task: TextClassification, inputs: list[Input], function: str | None, limit: int | None
    ) -> list[list[Answer]]:
        """The score of every label, for each input in order."""
        texts, pairs = _columns(inputs)
        split = task.encode(texts, pairs)
        batches = inference_batches(split.lengths, self.max_tokens, limit)
        rows: dict[int, list[float]] = {}
        for outputs, batch in forward_batches(self.model, split, batches, self.device):
            scores = task.scores(outputs, batch, function or self._default_function())
            refuse_non_finite(scores, batch.examples, texts.__getitem__)
            rows.update(zip(batch.examples, scores.cpu().tolist(), strict=True))
        names = task.label_names
        return [
            [{"label": n, "score": s} for n, s in zip(names, rows[i], strict=True)]
            for i in range(len(inputs))
        ]

    def _asked(
        self, best: int | None, threshold: float | Mapping[str, float] | None, function: str | None
    ) -> dict[str, float] | None:
        """As ``_least``, for a call: all scores of the best top_k where those are asked for."""
        given = self._threshold if threshold is None else threshold
        least = self._least(given, function)
        return None if given is None and best is not _UNSET else least

    def _least(
        self, threshold: float | Mapping[str, float] | None, function: str | None
    ) -> dict[str, float] | None:
        """The score from which on each label is given; None: a text has one label, or a number.

        Raises:
            ConfigError: the model gives a text one label or a number, or has no such label.
        """
        task = self._opened.task()
        if threshold is None:
            if task.problem_type != MULTI or function not in (None, "sigmoid"):
                return None
            return task.by_label() or dict.fromkeys(task.label_names, THRESHOLD)
        if task.problem_type != MULTI or function not in (None, "sigmoid"):
            raise refuse_thresholds("threshold", function or task.problem_type)
        names = task.label_names
        return dict(zip(names, thresholds_of(threshold, names, "threshold"), strict=True))

    def _default_function(self) -> str | None:
        config: Any = self.model.config
        if config.num_labels == 1 and config.problem_type != "regression":
            return "sigmoid"  # what transformers' pipeline does with a lone label
        return None


def _data_options(
    long_text: str | None, max_length: int | None, truncation: bool | None
) -> dict[str, Any]:
    """Keys of the recipe's ``data`` section that say how a text is encoded."""
    if truncation and long_text is None:
        long_text = "truncate"
    options = {"long_text": long_text, "max_length": max_length}
    return {key: value for key, value in options.items() if value is not None}


def _checked_count(top_k: Any) -> Any:
    return top_k if top_k is None or top_k is _UNSET else at_least_one("top_k", top_k)


def _shape(scores: list[Answer], top_k: int | None, least: dict[str, float] | None) -> Any:
    if least is not None:
        scores = [answer for answer in scores if answer["score"] >= least[answer["label"]]]
        top_k = None if top_k is _UNSET else top_k
    ranked = sorted(scores, key=lambda answer: answer["score"], reverse=True)
    if top_k is _UNSET:
        return ranked[0]
    return ranked if top_k is None else ranked[:top_k]


def _columns(inputs: list[Input]) -> tuple[list[str], list[str] | None]:
    """Texts, and second texts if the inputs have them; all must or none."""
    rows = [_pair(value, i) for i, value in enumerate(inputs)]
    with_pair = [pair is not None for _, pair in rows]
    if any(with_pair) and not all(with_pair):
        raise DataError(
            "some inputs have a text_pair and some have none",
            where=f"input {with_pair.index(False) + 1}",
            rule="one call is about single texts or about pairs",
            remedy="make two calls",
        )
    texts = [text for text, _ in rows]
    return texts, [pair or "" for _, pair in rows] if any(with_pair) else None


def _pair(value: Any, index: int) -> tuple[str, str | None]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        pair = value.get("text_pair")
        if pair is None or isinstance(pair, str):
            return value["text"], pair
    raise _wrong_input(value, index)


def _wrong_input(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot classify {value!r:.80}",
        where=f"input {index + 1}",
        rule='an input is a text, or a dict with "text" and, for a pair, "text_pair"',
        remedy='for a pair use {"text": ..., "text_pair": ...}',
    )


def _checked_function(name: str | None) -> str | None:
    functions = list(FUNCTIONS.values())
    if name is not None and name.lower() not in functions:
        raise ConfigError(
            f"unknown function {name!r}",
            where="function_to_apply",
            remedy=did_you_mean(name, functions),
        )
    return name and name.lower()
