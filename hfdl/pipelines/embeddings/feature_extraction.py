"""The feature-extraction pipeline: the last states of every token, in transformers' structure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from hfdl.data.encode import EncodedText
from hfdl.errors import ConfigError, DataError, did_you_mean
from hfdl.pipelines.embeddings.pipeline import EmbeddingPipeline, encoder_of, not_a_text
from hfdl.pipelines.inputs import answer_several, checked_batch_size
from hfdl.pipelines.length_counts import LengthCounts
from hfdl.tasks.inference import refuse_non_finite
from hfdl.tasks.row_length import row_length
from hfdl.weights.limits import length_limit

_TOKENIZE = ("truncation", "max_length")


class FeatureExtractionPipeline(EmbeddingPipeline):
    """The states of a text's tokens; ``encode`` gives one vector a text.

    Args:
        model, tokenizer, device, batch_size, pooling, max_length, implementation: as for
            ``EmbeddingPipeline``; ``pooling`` and ``max_length`` are those of ``encode``.
        return_tensors: whether a text's answer is a tensor instead of nested lists.
        truncation: False: a text that is longer than the model is an error. Default: it is cut,
            with a warning; True: without one.
        tokenize_kwargs: ``truncation`` and ``max_length`` in transformers' form.
    """

    task = "feature-extraction"
    not_sent = EmbeddingPipeline.not_sent | {"tokenize_kwargs"}

    def __init__(
        self,
        model: Any,
        *,
        return_tensors: bool = False,
        truncation: bool | None = None,
        tokenize_kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, **options)
        self._return_tensors = return_tensors
        self._tokenize = _tokenize_options(truncation, tokenize_kwargs)

    def __call__(
        self,
        inputs: str | Iterable[str],
        *,
        return_tensors: bool | None = None,
        truncation: bool | None = None,
        tokenize_kwargs: Mapping[str, Any] | None = None,
        batch_size: int | None = None,
    ) -> Any:
        """The states of one text, several, or a stream of them.

        Args:
            inputs: a text, a list of texts, or any other iterable of them.
            return_tensors, truncation, tokenize_kwargs, batch_size: as for the class, for this
                call.

        Returns:
            for a text ``[states]``, T lists of D floats, special tokens included; with
            ``return_tensors`` a tensor (1, T, D). A list of these for a list, and an iterator for
            another iterable.

        Raises:
            DataError: an input is no text, or too long under ``truncation=False``.
        """
        tensors = self._return_tensors if return_tensors is None else return_tensors
        options = {**self._tokenize, **_tokenize_options(truncation, tokenize_kwargs)}
        limit = checked_batch_size(batch_size) or self.batch_size

        def answer(texts: list[str]) -> list[Any]:
            states = self._features(texts, limit, **options)
            return states if tensors else [each.tolist() for each in states]

        if isinstance(inputs, str):
            return answer([inputs])[0]
        return answer_several(inputs, answer, limit, not_a_text)

    @torch.inference_mode()
    def _features(
        self,
        texts: list[str],
        limit: int | None,
        truncation: bool | None = None,
        max_length: int | None = None,
    ) -> list[torch.Tensor]:
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise not_a_text(text, i)
        room = self._room(max_length)
        encoded = encoder_of(self.tokenizer, room)(texts)
        if truncation is False:
            _refuse_long(encoded, room)
        counts = LengthCounts.of(encoded)
        self.counts.add(counts)
        if truncation is None:
            counts.warn(room, "the model's limit")
        found: dict[int, torch.Tensor] = {}
        for states, mask, examples in self._states(encoded, limit):
            refuse_non_finite(states * mask[..., None], examples, texts.__getitem__)
            real = [each[row.bool()] for each, row in zip(states, mask, strict=True)]  # (T, D)
            found.update(zip(examples, (each[None].cpu() for each in real), strict=True))
        return [found[i] for i in range(len(texts))]

    def _room(self, max_length: int | None) -> int | None:
        """Most tokens of a text."""
        if max_length is None:
            return length_limit(self.tokenizer, self.model.config)
        least = self.tokenizer.num_special_tokens_to_add() + 1
        return row_length(
            max_length, self.tokenizer, self.model.config, smallest=least, where="max_length"
        )


def _refuse_long(encoded: Sequence[EncodedText], room: int | None) -> None:
    long = next((i for i, text in enumerate(encoded) if text.lost), None)
    if long is not None:
        raise DataError(
            f"the text has {encoded[long].lost} tokens too many",
            where=f"input {long + 1}",
            rule=f"the model reads {room}, and truncation is False",
            remedy="give truncation=True, or shorten it",
        )


def _tokenize_options(
    truncation: bool | None, tokenize_kwargs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Both forms of the same two options as one.

    Raises:
        ConfigError: another option.
    """
    options = {} if truncation is None else {"truncation": truncation}
    for name, value in (tokenize_kwargs or {}).items():
        if name not in _TOKENIZE:
            raise ConfigError(
                f"unknown option {name!r}",
                where="tokenize_kwargs",
                rule=f"it takes {' and '.join(_TOKENIZE)}",
                remedy=did_you_mean(name, _TOKENIZE),
            )
        options[name] = value
    return options
