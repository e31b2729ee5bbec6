"""Splitting documents that are too long to be tokenised at once, without changing their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hfdl.data.corpus.token_store import CHUNK, Piece

_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[ \n](?=[^\W_])")
_AROUND = 400
"""Characters on either side of a cut that are tokenised to try it: far more than a token has."""
_TRIES = 8


def pieces_of(text: str, tokenizer: Any, most: int = CHUNK) -> Iterator[Piece]:
    """A document as one piece, or as several of about ``most`` characters.

    It is cut before a blank or line end between two words, and only where the tokenizer gives the
    two parts the ids that they have together: see ``can_be_cut``. A tokenizer that puts a mark
    before every text (Llama's) never does, and there may be no such position (Chinese, emoji): the
    document then stays whole, however long.

    Args:
        text: the document.
        tokenizer: a fast tokenizer.
        most: characters of a piece.
    """
    start = 0
    while start < len(text) or not text:
        end = _cut(text, start + most, tokenizer, most)
        yield Piece(text[start:end], begins=start == 0, ends=end == len(text))
        if end == len(text):
            return
        start = end


def can_be_cut(text: str, position: int, tokenizer: Any) -> bool:
    """Whether the text around a position has the same ids in two parts as in one.

    Args:
        text: any text.
        position: characters before the cut.
        tokenizer: a fast tokenizer.
    """
    head = text[max(0, position - _AROUND) : position]
    tail = text[position : position + _AROUND]
    both, first, second = tokenizer(
        [head + tail, head, tail], add_special_tokens=False, verbose=False
    )["input_ids"]
    return both == first + second


def _cut(text: str, position: int, tokenizer: Any, most: int) -> int:
    """The next position to cut at, from ``position`` on; the end where there is none.

    After some failed attempts the search continues ``most`` characters further on, so that a
    tokenizer whose texts can never be cut costs little.
    """
    tries = 0
    while match := _BETWEEN_WORDS.search(text, position):
        if can_be_cut(text, match.start(), tokenizer):
            return match.start()
        tries += 1
        position = match.end() if tries % _TRIES else match.end() + most
    return len(text)
