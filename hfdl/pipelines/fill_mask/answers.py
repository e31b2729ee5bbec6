"""Answers for masks one by one, as transformers gives them, and for words of several pieces.

A masked language model predicts each mask's token while the others are masked; it has no
probability of several tokens together. Written from the left, each with those before it in
place, their conditional probabilities have a product (Wang and Cho 2019,
https://arxiv.org/abs/1902.04094): that is what stands for one here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from hfdl.data.encode import Template
from hfdl.errors import ConfigError
from hfdl.pipelines.fill_mask.rows import MaskModel, Question

Answer = dict[str, Any]
Word = tuple[int, ...]


@dataclass(frozen=True)
class MaskedText:
    """A text with masks.

    Args:
        ids: its tokens, without special ones around them.
        masks: the positions of its masks, from the left.
        where: its place in words.
    """

    ids: list[int]
    masks: list[int]
    where: str

    def question(self, position: int, ids: Sequence[int] | None = None) -> Question:
        """A question for one position, all masks within the window that is read.

        Args:
            position: of the token to predict.
            ids: the tokens, where some of the masks are filled or others were set in.
        """
        ids = self.ids if ids is None else ids
        last = self.masks[-1] + len(ids) - len(self.ids)
        return Question(ids, position, (self.masks[0], last), self.where)


@dataclass(frozen=True)
class Writer:
    """Tokens as text, and words as tokens.

    Args:
        tokenizer: a fast tokenizer with a mask.
        template: what it puts around a text.
    """

    tokenizer: Any
    template: Template

    def answer(self, score: float, word: Word, ids: Sequence[int], *, alone: bool) -> Answer:
        """An answer in transformers' structure.

        Args:
            score: a probability.
            word: the tokens that fill a mask.
            ids: the text with them.
            alone: whether the text has no other masks. Those would be lost with the special
                tokens that are left out then.
        """
        return {
            "score": score,
            "token": word[0] if len(word) == 1 else list(word),
            "token_str": self.tokenizer.decode(list(word)),
            "sequence": self.sequence(ids, bare=alone),
        }

    def sequence(self, ids: Sequence[int], *, bare: bool) -> str:
        """The text of some tokens, without special tokens where it is to be ``bare``."""
        pad = self.tokenizer.pad_token_id
        row = [token for token in self.template.build(ids) if token != pad]
        return self.tokenizer.decode(row, skip_special_tokens=bare)

    def targets(self, words: str | Sequence[str] | None) -> list[Word] | None:
        """The tokens of each word to choose from, no two alike; None: all of the vocabulary.

        Raises:
            ConfigError: there is none, or the tokenizer does not know one.
        """
        if words is None:
            return None
        targets = [self._word(word) for word in ([words] if isinstance(words, str) else words)]
        if not targets:
            raise ConfigError(
                "there is none",
                where="targets",
                rule="they are the words to choose from",
                remedy="name one, or leave it out",
            )
        return list(dict.fromkeys(targets))

    def _word(self, word: str) -> Word:
        vocabulary = self.tokenizer.get_vocab()
        if word in vocabulary:
            return (vocabulary[word],)
        ids = self.tokenizer(word, add_special_tokens=False)["input_ids"]
        if not ids or self.tokenizer.unk_token_id in ids:
            raise ConfigError(
                f"the tokenizer does not know {word!r}",
                where="targets",
                rule="a target is made of pieces of its vocabulary",
                remedy="leave it out",
            )
        return tuple(ids)


def fill_alone(
    model: MaskModel,
    writer: Writer,
    texts: Sequence[MaskedText],
    words: list[Word] | None,
    top_k: int,
    batch_size: int | None,
) -> list[Any]:
    """Each mask by itself, the others left as they are.

    Args:
        model: answers questions.
        writer: turns tokens into text.
        texts: N texts.
        words: to choose from; None: all of the vocabulary.
        top_k: answers a mask.
        batch_size: most rows in one forward pass.

    Returns:
        for each text its answers, likeliest first; a list of such lists where it has several
        masks.
    """
    masks = [(text, position) for text in texts for position in text.masks]
    if words is None:
        questions = [text.question(position) for text, position in masks]
        scored = [_likeliest(p, top_k) for p in model.log_probabilities(questions, batch_size)]
    else:
        chains = [
            _chain(text, position, word, writer) for text, position in masks for word in words
        ]
        steps = iter(model.log_probabilities([*chain.from_iterable(chains)], batch_size))
        each = iter([
            (math.fsum(float(next(steps)[token]) for token in word), word)
            for _ in masks for word in words
        ])  # fmt: skip
        scored = [_best([next(each) for _ in words], top_k) for _ in masks]
    rest = iter([
        [_filled(writer, text, position, word, score) for score, word in likeliest]
        for (text, position), likeliest in zip(masks, scored, strict=True)
    ])  # fmt: skip
    rows = [[next(rest) for _ in text.masks] for text in texts]
    return [row[0] if len(row) == 1 else row for row in rows]


def _chain(text: MaskedText, position: int, word: Word, writer: Writer) -> list[Question]:
    """A question for each piece of a word, those before it in place and masks for the others."""
    mask = writer.tokenizer.mask_token_id
    before, after = text.ids[:position], text.ids[position + 1 :]
    return [
        text.question(position + i, [*before, *word[:i], *[mask] * (len(word) - i), *after])
        for i in range(len(word))
    ]


def _filled(writer: Writer, text: MaskedText, position: int, word: Word, score: float) -> Answer:
    ids = [*text.ids[:position], *word, *text.ids[position + 1 :]]
    return writer.answer(math.exp(score), word, ids, alone=len(text.masks) == 1)


def _likeliest(scores: torch.Tensor, top_k: int) -> list[tuple[float, Word]]:
    best = scores.topk(min(top_k, len(scores)))
    return [
        (s, (token,)) for s, token in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def _best(scored: list[tuple[float, Word]], top_k: int) -> list[tuple[float, Word]]:
    return sorted(scored, key=lambda pair: -pair[0])[:top_k]
