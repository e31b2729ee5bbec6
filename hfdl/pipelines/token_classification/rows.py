"""Tokens of texts in rows that a model can read, and the scores of each token.

A long text is cut as a sentence is for training (``hfdl.data.entities.windows``), with every token
a word of its own: rows overlap, and each token is answered by the row that shows it most of the
text on both sides.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfdl.data.encode import Template
from hfdl.data.entities.align import tokenize
from hfdl.data.entities.sentences import join_words
from hfdl.data.entities.windows import Row, cut_rows, owners
from hfdl.tasks.split import Padding, RowSplit


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """A text's token ids without special ones, and the characters that each comes from.

    ``spans[i]`` is (start, end) of token i in ``text``.
    """

    text: str
    ids: list[int]
    spans: list[tuple[int, int]]


def tokenize_texts(tokenizer: Any, texts: Sequence[str]) -> list[TokenizedText]:
    """Token ids and spans of each text."""
    if not texts:
        return []
    encoded = tokenize(tokenizer, texts)
    columns = zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [TokenizedText(text, ids, list(map(tuple, spans))) for text, ids, spans in columns]


def tokenize_words(tokenizer: Any, words: Sequence[str], delimiter: str) -> TokenizedText:
    """The same of a text that is split into words.

    Args:
        tokenizer: a fast tokenizer. It reads each word by itself.
        words: the words; joined they are the text.
        delimiter: what stands between two of them in the text that spans are counted in.
    """
    text, places = join_words(words, delimiter)
    if not words:  # a tokenizer takes an empty list for a batch of nothing
        return TokenizedText(text, [], [])
    encoded = tokenize(tokenizer, words, is_split_into_words=True)
    spans = [
        (places[word][0] + start, places[word][0] + end)
        for word, (start, end) in zip(encoded.word_ids(), encoded["offset_mapping"], strict=True)
    ]
    return TokenizedText(text, encoded["input_ids"], spans)


class TokenRows(RowSplit):
    """The rows of some texts, each of them an example; a text without tokens has none.

    Args:
        texts: the tokenised texts.
        template: what the tokenizer puts around a text.
        padding: how rows are padded.
        room: most tokens of a text in a row, special tokens left out.
        overlap: tokens that neighbouring rows of a text share at least.
    """

    def __init__(
        self,
        texts: Sequence[TokenizedText],
        template: Template,
        padding: Padding,
        *,
        room: int,
        overlap: int,
    ) -> None:
        self.texts, self.template = texts, template
        self.rows_of_texts = [
            (number, row, own)
            for number, text in enumerate(texts)
            for row, own in owned_rows(len(text.ids), room, overlap)
        ]
        pieces = [texts[number].ids[row.start : row.end] for number, row, _ in self.rows_of_texts]
        super().__init__(
            [template.build(ids) for ids in pieces], padding,
            types=[template.build_types(ids) for ids in pieces],
        )  # fmt: skip

    def collect(self, scores: Mapping[int, np.ndarray], classes: int) -> list[np.ndarray]:
        """The scores of each text's tokens, each from the row that owns it.

        Args:
            scores: (T, C) by the number of a row, padding included.
            classes: C.

        Returns:
            one array (tokens, C) a text.
        """
        before = len(self.template.specials[0])
        collected = [np.empty((len(text.ids), classes)) for text in self.texts]
        for i, (number, row, own) in enumerate(self.rows_of_texts):
            padding = len(scores[i]) - len(self.rows[i]) if self.padding.side == "left" else 0
            shift = padding + before - row.start
            collected[number][own] = scores[i][own.start + shift : own.stop + shift]
        return collected


def owned_rows(length: int, room: int, overlap: int) -> list[tuple[Row, slice]]:
    """The rows of a text of ``length`` tokens, and the tokens that each row answers for."""
    if not length:
        return []
    rows = cut_rows(length, range(length), room, overlap)
    owner = owners(rows, length, range(length))  # ascending
    return [
        (row, slice(bisect_left(owner, i), bisect_right(owner, i))) for i, row in enumerate(rows)
    ]
