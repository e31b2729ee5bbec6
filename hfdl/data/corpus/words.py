"""Which pieces of a text belong to one word, told from their ids alone.

The ids of a large corpus lie on disk without their text. It is decoded and encoded again: where
that gives the very ids, the tokenizer itself says where its words lie. Where it does not (a
window that begins within a word) the marks of the pieces say so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_SENTENCEPIECE = "▁"
_BEGINS = (_SENTENCEPIECE, "Ġ")  # SentencePiece and byte-level pieces that begin a word


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
        _by_tokenizer(again.word_ids(i), tokenizer.convert_ids_to_tokens(row))
        if again["input_ids"][i] == row
        else _by_marks(tokenizer, tokenizer.convert_ids_to_tokens(row))
        for i, row in enumerate(rows)
    ]


def _by_tokenizer(words: list[int | None], pieces: list[str]) -> np.ndarray:
    """Words as the tokenizer numbers them; a piece without one is a word of its own.

    Some SentencePiece tokenizers (Llama's) take a whole text for one word: there the marks say
    where words begin. Elsewhere the tokenizer and these marks agree.
    """
    return _numbered([
        i == 0 or word is None or word != words[i - 1] or piece.startswith(_SENTENCEPIECE)
        for i, (word, piece) in enumerate(zip(words, pieces, strict=True))
    ])  # fmt: skip


def _by_marks(tokenizer: Any, pieces: list[str]) -> np.ndarray:
    """Words as the pieces themselves say where one begins or goes on.

    Where the tokenizer has no such marks (it knows characters, say) each piece is a word.
    """
    goes_on = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
    if goes_on:
        begins = [not piece.startswith(goes_on) for piece in pieces]
    elif any(piece.startswith(_BEGINS) for piece in tokenizer.get_vocab()):
        begins = [piece.startswith(_BEGINS) for piece in pieces]
    else:
        begins = [True] * len(pieces)
    return _numbered(begins)


def _numbered(begins: list[bool]) -> np.ndarray:
    """The number of each piece's word, the first 0 whether it begins one or not."""
    numbers = np.cumsum(begins, dtype=np.int64)
    return numbers - numbers[:1]
