"""The fill-mask pipeline: the likeliest tokens for masks, one by one or together.

It answers in transformers' structures and differs where those fail their users: the model is
always in eval mode, a list always gives a list, nothing is cut off in silence, and a target of
several pieces is scored whole. ``docs/pipelines.md`` has the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from hfdl.config.own_code import no_exit
from hfdl.data.encode import read_template
from hfdl.errors import ConfigError, DataError
from hfdl.pipelines.fill_mask.answers import MaskedText, Writer, fill_alone
from hfdl.pipelines.fill_mask.rows import MaskModel
from hfdl.pipelines.fill_mask.search import fill_together
from hfdl.pipelines.inputs import (
    BasePipeline,
    answer_several,
    at_least_one,
    checked_batch_size,
)
from hfdl.pipelines.open_model import open_model
from hfdl.tasks.language_modeling.masked_lm import require_mask
from hfdl.tasks.language_modeling.spec import MASKED_LM
from hfdl.tasks.split import Padding
from hfdl.weights.limits import length_limit, padding_side

TOP_K = 5
"""Answers a mask: transformers' default."""
NUM_BEAMS = 10
"""Ways of filling several masks that are followed at once, unless more answers are wanted."""


class FillMaskPipeline(BasePipeline):
    """What stands behind the masks of texts.

    Args:
        model: a run's folder, a model folder, a Hub id, or an open transformers model.
        tokenizer: the tokenizer of an open model.
        device: a torch device. Default: a GPU if there is one.
        batch_size: most texts in one forward pass. Default: as many as fit a budget of tokens.
        precision: ``float32``, or on a CPU ``int8``: faster, its scores a little off.
        top_k: how many answers a mask is given, the likeliest first.
        targets: the words to choose from. Default: all of the vocabulary.

    Raises:
        ConfigError: an option has a value that it cannot have.
        ModelError: the model cannot be found, or fills no masks.
    """

    task = "fill-mask"
    answer_counts = frozenset({"top_k"})

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        device: str | int | torch.device | None = None,
        batch_size: int | None = None,
        precision: str = "float32",
        top_k: int = TOP_K,
        targets: str | Sequence[str] | None = None,
    ) -> None:
        opened = open_model(MASKED_LM.name, model, tokenizer)
        super().__init__(opened, device, batch_size, precision)
        require_mask(self.tokenizer, "tokenizer")
        self._top_k, self._targets = at_least_one("top_k", top_k), targets
        template = read_template(self.tokenizer, pair=False)
        # A run's model has learned from rows of this length, whatever its config has room for.
        limits = [opened.recipe.data.max_length, length_limit(self.tokenizer, opened.config)]
        self._masked_model = MaskModel(
            self.model, template, Padding(self.tokenizer.pad_token_id, padding_side(opened.config)),
            min((limit for limit in limits if limit is not None), default=None), self.device,
            self.max_tokens,
        )  # fmt: skip
        self._writer = Writer(self.tokenizer, template)

    @no_exit()
    def __call__(
        self,
        inputs: str | Iterable[str],
        *,
        top_k: int | None = None,
        targets: str | Sequence[str] | None = None,
        joint: bool = False,
        num_beams: int | None = None,
        batch_size: int | None = None,
    ) -> Any:
        """Fill the masks of one text, several, or a stream of them.

        Args:
            inputs: a text, a list, or any other iterable of texts, each with one mask or more.
            top_k, batch_size: as for the class, for this call.
            targets: as for the class. One that the tokenizer cuts into several pieces is set in
                for as many masks; its score is the chance of its first piece, times that of its
                second where the first stands, and so on. Such products fall with the number of
                pieces: compare words of the same number.
            joint: fill several masks to fit each other: from the left, each with those before it
                filled, the ``num_beams`` likeliest ways followed (beam search; for two masks and
                as many beams as the vocabulary is large it is exhaustive). The score is the
                product of the probabilities along the way.
            num_beams: for ``joint``. Default: 10. It is raised to ``top_k`` where that is more.

        Returns:
            As transformers' pipeline. A text with one mask: ``[{"score", "token", "token_str",
            "sequence"}]``, the likeliest first; ``token`` is a list where a target has several
            pieces. With several masks: such a list a mask, the others left as they are; with
            ``joint`` one list, whose ``token`` and ``token_str`` are lists, one item a mask. A
            list: one such answer a text, also for a list of one; ``[]`` for ``[]``. Another
            iterable: an iterator, which reads on as it is read.

        Raises:
            DataError: an input is no text, has no mask, or masks that are further apart than the
                model can read.
            ConfigError: an option has a value that it cannot have.
        """
        size = checked_batch_size(batch_size) or self.batch_size
        count = self._top_k if top_k is None else at_least_one("top_k", top_k)
        words = self._writer.targets(self._targets if targets is None else targets)
        if joint:
            beams = NUM_BEAMS if num_beams is None else at_least_one("num_beams", num_beams)
            _refuse_long_targets(words)
        else:
            beams = None

        def answer(texts: list[str]) -> list[Any]:
            masked = self._read(texts)
            model = replace(self._masked_model, max_tokens=self.max_tokens)
            if beams is not None:
                most = max(beams, count)
                return fill_together(model, self._writer, masked, words, count, most, size)
            return fill_alone(model, self._writer, masked, words, count, size)

        if isinstance(inputs, str):
            return answer([inputs])[0]
        return answer_several(inputs, answer, size, _wrong_input)

    def example(self) -> tuple[Any, dict[str, Any]]:
        return f"A {self.tokenizer.mask_token} of yours.", {}

    def rows(self, item: Any, options: Mapping[str, Any]) -> int:
        beams = options.get("num_beams") or NUM_BEAMS
        return max(beams, options.get("top_k") or 1) if options.get("joint") else 1

    def _read(self, texts: list[str]) -> list[MaskedText]:
        """The texts as token ids, with the positions of their masks."""
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise _wrong_input(text, i)
        if not texts:
            return []
        encoded = self.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
        return [self._find(ids, f"input {i + 1}") for i, ids in enumerate(encoded)]

    def _find(self, ids: list[int], where: str) -> MaskedText:
        masks = [i for i, token in enumerate(ids) if token == self.tokenizer.mask_token_id]
        if not masks:
            raise DataError(
                "it has no mask",
                where=where,
                rule=f"{self.tokenizer.mask_token} stands for what is asked for",
                remedy=f"put {self.tokenizer.mask_token} into the text",
            )
        return MaskedText(ids, masks, where)


def _refuse_long_targets(words: list[tuple[int, ...]] | None) -> None:
    if words is not None and any(len(word) > 1 for word in words):
        raise ConfigError(
            "a target of several pieces cannot be weighed against those of one",
            where="targets",
            rule="with joint each mask stands for one piece",
            remedy="write as many masks as it has pieces, or leave joint out",
        )


def _wrong_input(value: Any, index: int) -> DataError:
    return DataError(
        f"cannot fill {value!r:.80}", where=f"input {index + 1}", rule="an input is a text"
    )
