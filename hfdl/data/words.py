"""Which pieces of a text belong to one word, told from their ids alone.

The ids of a large corpus lie on disk without their text. It is decoded and encoded again: where
that gives the very ids, the tokenizer itself says where its words lie. Where it does not (a
window that begins within a word) the marks of the pieces say so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BEGINS = ("▁", "Ġ")  # SentencePiece and byte-level pieces that begin a word
_GOES_ON = "##"  # WordPiece


def word_numbers(tokenizer: Any, rows: list[list[int]]) -> list[np.ndarray]:
    """The number of the word that each piece belongs to, counted within its row.

    Args:
        tokenizer: a fast tokenizer.
        rows: R lists of ids, without special tokens around them.

    Returns:
        R int64 arrays, each beginning with 0 and never falling.
    """
    if not rows:
        return []
    texts = [
        tokenizer.decode(row, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for row in rows
    ]
    again = tokenizer(texts, add_special_tokens=False, verbose=False)
    return [
        _by_tokenizer(again.word_ids(i), row)
        if again["input_ids"][i] == row
        else _by_marks(tokenizer.convert_ids_to_tokens(row))
        for i, row in enumerate(rows)
    ]


def _by_tokenizer(words: list[int | None], row: list[int]) -> np.ndarray:
    """Words as the tokenizer numbers them; a piece without one is a word of its own."""
    begins = [
        i == 0 or word is None or word != words[i - 1] for i, word in enumerate(words[: len(row)])
    ]
    return np.cumsum(begins) - 1 if begins else np.zeros(0, dtype=np.int64)


def _by_marks(pieces: list[str]) -> np.ndarray:
    begins_are_marked = any(piece.startswith(_BEGINS) for piece in pieces)
    begins = [
        i == 0
        or (piece.startswith(_BEGINS) if begins_are_marked else not piece.startswith(_GOES_ON))
        for i, piece in enumerate(pieces)
    ]
    return np.cumsum(begins) - 1 if begins else np.zeros(0, dtype=np.int64)
