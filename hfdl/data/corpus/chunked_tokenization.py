"""A document that is too long to be tokenised at once, in pieces that have the ids of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hfdl.data.corpus.token_store import CHUNK, Piece

_BETWEEN_WORDS = re.compile(r"(?<=[^\W_])[ \n](?=[^\W_])")
_AROUND = 400
"""Characters on either side of a place that are tokenised to try it: far more than a token has."""
_TRIES = 8


def pieces_of(text: str, tokenizer: Any, most: int = CHUNK) -> Iterator[Piece]:
    """A document as one piece, or as several of about ``most`` characters.

    It is cut in front of a blank or line end that stands between two words, and only where the
    tokenizer gives the text before and behind that very place the ids that they have together: see
    ``can_be_cut``. A tokenizer that sets a mark in front of every text (Llama's) never does, and
    there may be no such place (Chinese, emoji): the document then stays whole, however long.

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


def can_be_cut(text: str, place: int, tokenizer: Any) -> bool:
    """Whether the text around a place has the same ids in two parts as in one.

    Args:
        text: any text.
        place: characters in front of the cut.
        tokenizer: a fast tokenizer.
    """
    head = text[max(0, place - _AROUND) : place]
    tail = text[place : place + _AROUND]
    both, first, second = tokenizer(
        [head + tail, head, tail], add_special_tokens=False, verbose=False
    )["input_ids"]
    return both == first + second


def _cut(text: str, place: int, tokenizer: Any, most: int) -> int:
    """The next place to cut at, from ``place`` on; the end where there is none.

    Where some places one after the other will not do, the search goes on ``most`` characters
    behind them: a tokenizer that is never content costs little.
    """
    tries = 0
    while found := _BETWEEN_WORDS.search(text, place):
        if can_be_cut(text, found.start(), tokenizer):
            return found.start()
        tries += 1
        place = found.end() if tries % _TRIES else found.end() + most
    return len(text)
