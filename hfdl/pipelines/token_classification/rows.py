"""Texts as rows of tokens that each know their characters, for labelling token by token.

A text that is longer than the model becomes several rows that overlap; each of its tokens is then
answered by one row alone, the one that shows it most of the text on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from hfdl.data.collate import pad_rows, padding_mask
from hfdl.data.encode import Template
from hfdl.data.long_text import windows
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit

Words = Sequence[str]


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """A text's token ids without special ones, and the characters that each comes from.

    ``spans[i]`` is (start, end) of token i in ``text``.
    """

    text: str
    ids: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens ``start:end`` of text number ``text``, of which it answers for ``own_start:own_end``.

    ``own_start`` and ``own_end`` count tokens of the text too.
    """

    text: int
    start: int
    end: int
    own_start: int
    own_end: int


def tokenize_texts(tokenizer: Any, texts: Sequence[str]) -> list[TokenizedText]:
    """Token ids and spans of each text."""
    if not texts:
        return []
    found = tokenizer(list(texts), **_PLAIN)
    columns = zip(texts, found["input_ids"], found["offset_mapping"], strict=True)
    return [TokenizedText(text, ids, list(map(tuple, spans))) for text, ids, spans in columns]


def tokenize_words(
    tokenizer: Any, sentences: Sequence[Words], delimiter: str
) -> list[TokenizedText]:
    """The same of sentences that are split into words; their text is the words, joined.

    Args:
        tokenizer: a fast tokenizer. It reads each word by itself.
        sentences: lists of words.
        delimiter: what stands between two words in the text that spans are counted in.
    """
    return [_sentence(tokenizer, list(words), delimiter) for words in sentences]


def _sentence(tokenizer: Any, words: list[str], delimiter: str) -> TokenizedText:
    text = delimiter.join(words)
    if not words:  # a tokenizer takes an empty list for a batch of nothing
        return TokenizedText(text, [], [])
    found = tokenizer(words, is_split_into_words=True, **_PLAIN)
    starts = np.cumsum([0, *(len(word) + len(delimiter) for word in words)]).tolist()
    spans = [
        (starts[word] + start, starts[word] + end)
        for word, (start, end) in zip(found.word_ids(), found["offset_mapping"], strict=True)
    ]
    return TokenizedText(text, found["input_ids"], spans)


_PLAIN: dict[str, Any] = {
    "add_special_tokens": False,
    "return_attention_mask": False,
    "return_token_type_ids": False,
    "return_offsets_mapping": True,
    "truncation": False,
    "padding": False,
    "verbose": False,
}


def text_rows(text: int, length: int, room: int, overlap: int) -> list[Row]:
    """The rows of one text: none for no tokens, one where all fit, else overlapping ones.

    Args:
        text: the text's number.
        length: its tokens.
        room: most tokens in a row.
        overlap: tokens that neighbouring rows share at least, see ``long_text.windows``.

    Returns:
        rows whose owned ranges follow each other and cover the text. Where two rows overlap, the
        border stands in the middle, so that both sides of every token are as long as can be.
    """
    if length <= room:
        return [Row(text, 0, length, 0, length)] if length else []
    spans = [(ids[0], ids[-1] + 1) for ids in windows(range(length), room, overlap)]
    borders = [0, *((end + start) // 2 for (_, end), (start, _) in pairwise(spans)), length]
    return [Row(text, *span, *own) for span, own in zip(spans, pairwise(borders), strict=True)]


class TokenRows(BaseSplit):
    """Rows as a split: what ``tasks.inference`` runs a model over. Each row is an example.

    Args:
        texts: the tokenised texts.
        template: what the tokenizer puts around a text.
        room: most tokens of a text in a row, special tokens left out.
        overlap: tokens that neighbouring rows of a text share.
        pad_id, side: how the model wants its rows padded.
    """

    def __init__(
        self,
        texts: Sequence[TokenizedText],
        template: Template,
        *,
        room: int,
        overlap: int,
        pad_id: int,
        side: str,
    ) -> None:
        self.texts, self.template = texts, template
        self.pad_id, self.side = pad_id, side
        self.rows = [
            row
            for i, text in enumerate(texts)
            for row in text_rows(i, len(text.ids), room, overlap)
        ]
        sizes = [row.end - row.start + template.size for row in self.rows]
        super().__init__("texts", sizes, lambda row: f"text {self.rows[row].text + 1}")

    def describe(self, example: int) -> dict[str, Any]:
        """The text of a row."""
        return {"text": self.texts[self.rows[example].text].text}

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """Some rows, padded to the longest; nothing about them is random."""
        pieces = [self._ids(self.rows[i]) for i in examples]
        rows = [self.template.build(piece) for piece in pieces]
        lengths = [len(row) for row in rows]
        ids = pad_rows(rows, self.pad_id, side=self.side)  # (R, T)
        mask = padding_mask(lengths, ids.shape[1], side=self.side)
        inputs = {"input_ids": ids, "attention_mask": mask}
        types = [self.template.build_types(piece) for piece in pieces]
        if any(map(any, types)):
            inputs["token_type_ids"] = pad_rows(types, 0, side=self.side)  # (R, T)
        return Batch(inputs, {}, examples, sum(lengths))

    def collect(self, found: dict[int, np.ndarray], classes: int) -> list[np.ndarray]:
        """The scores of each text's tokens, each from the row that owns it.

        Args:
            found: row number -> scores (T, C), padding included.
            classes: C.

        Returns:
            one array (tokens, C) a text.
        """
        before = len(self.template.specials[0])
        width = {i: len(scores) for i, scores in found.items()}
        collected = [np.empty((len(text.ids), classes)) for text in self.texts]
        for i, row in enumerate(self.rows):
            padding = width[i] - int(self.lengths[i]) if self.side == "left" else 0
            shift = padding + before - row.start
            own = found[i][row.own_start + shift : row.own_end + shift]
            collected[row.text][row.own_start : row.own_end] = own
        return collected

    def _ids(self, row: Row) -> list[int]:
        return self.texts[row.text].ids[row.start : row.end]


def probabilities(logits: torch.Tensor) -> np.ndarray:
    """Softmax over classes in double precision: (R, T, C) -> (R, T, C)."""
    return logits.double().softmax(dim=-1).cpu().numpy()
