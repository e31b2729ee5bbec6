"""A document that is too long to be tokenised at once, in pieces that have the ids of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hfdl.data.token_store import CHUNK, Piece

_TRIED = 20_000  # characters of a document on which a tokenizer is tried
_CUTS = 16


def pieces_of(text: str, tokenizer: Any, most: int = CHUNK) -> Iterator[Piece]:
    """A document as one piece, or as several of about ``most`` characters.

    It is cut in front of a blank or line end that stands between two words, and only where the
    tokenizer gives such parts of this very text the ids that they have in the whole: one that sets
    a mark in front of every text (Llama's) does not.

    Args:
        text: the document.
        tokenizer: a fast tokenizer.
        most: characters of a piece.
    """
    if len(text) <= most or not can_be_cut(text, tokenizer):
        yield Piece(text)
        return
    start = 0
    while start < len(text):
        end = _cut(text, start + most)
        yield Piece(text[start:end], begins=start == 0, ends=end == len(text))
        start = end


def can_be_cut(text: str, tokenizer: Any) -> bool:
    """Whether parts of a text have the ids that they have in the whole: tried on its beginning."""
    sample = text[:_TRIED]
    parts, start = [], 0
    while start < len(sample):
        end = _cut(sample, start + max(1, len(sample) // _CUTS))
        parts.append(sample[start:end])
        start = end
    if len(parts) < 2:
        return False  # no place to cut at: one word
    whole, *cut = tokenizer([sample, *parts], add_special_tokens=False, verbose=False)["input_ids"]
    return whole == [i for ids in cut for i in ids]


def _cut(text: str, place: int) -> int:
    """The next place to cut at: in front of white space between two words; else the end."""
    for i in range(max(place, 1), len(text) - 1):
        if text[i] in " \n" and text[i - 1].isalnum() and text[i + 1].isalnum():
            return i
    return len(text)
