"""Masking for masked language modelling: which tokens are predicted, and what replaces them.

Devlin et al. 2019 (https://arxiv.org/abs/1810.04805, section 3.1): 15 % of the tokens are chosen;
of these 80 % are masked, 10 % replaced by a random piece and 10 % left as they are, so that the
model cannot tell which tokens it need not predict. Each epoch has a choice of its own (Liu et al.
2019, https://arxiv.org/abs/1907.11692, section 4.1).

Every choice is a hash of (seed, epoch, example, position): the same in any batch and any process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hfdl.data.random_keys import Stream, hash64

MASKED = 0.8
"""Share of the chosen tokens that are replaced by the mask."""
REPLACED = 0.1
"""Share of them that are replaced by a random piece. The others are left as they are."""


@dataclass(frozen=True)
class Masking:
    """How tokens are masked.

    Args:
        share: of the tokens that may be chosen, those that are.
        mask_id: the mask.
        pieces: (P,) the ids that random ones are drawn from.
    """

    share: float
    mask_id: int
    pieces: np.ndarray

    def __call__(
        self,
        ids: np.ndarray,
        maskable: np.ndarray,
        examples: np.ndarray,
        *,
        seed: int,
        epoch: int,
        words: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask some tokens of a batch.

        Of a row with n tokens that may be chosen, exactly ``round(share * n)`` are, but at least
        one where there is one. With ``words``, words are drawn until they have as many pieces
        together, so that the last may bring some more; what becomes of a chosen word becomes of
        all its pieces.

        Args:
            ids: (B, T) input ids, padded on the right.
            maskable: (B, T) which of them may be chosen.
            examples: (B,) number of each row's example.
            seed, epoch: what the choice is for.
            words: (B, T) number of the word that each piece belongs to. Default: each piece is a
                word.

        Returns:
            the model's input ids, and which tokens were chosen; both (B, T).
        """
        position = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)  # (B, T)
        word = position if words is None else words
        row = examples[:, None]  # (B, 1)
        keys = hash64(seed, Stream.MASK_CHOICE, epoch, row, word)  # (B, T)
        chosen = _choose(word, keys, maskable, self._budget(maskable))
        fate = _unit(hash64(seed, Stream.MASK_FATE, epoch, row, word))  # (B, T)
        drawn = hash64(seed, Stream.MASK_PIECE, epoch, row, position) % np.uint64(len(self.pieces))
        masked = np.where(chosen & (fate < MASKED), self.mask_id, ids)
        replaced = chosen & (fate >= MASKED) & (fate < MASKED + REPLACED)
        return np.where(replaced, self.pieces[drawn.astype(np.int64)], masked), chosen

    def _budget(self, maskable: np.ndarray) -> np.ndarray:
        """Tokens to choose of each row, (B,)."""
        n = maskable.sum(axis=1)
        return np.where(n > 0, np.maximum(1, np.rint(self.share * n)), 0).astype(np.int64)


def _choose(
    word: np.ndarray, keys: np.ndarray, maskable: np.ndarray, budget: np.ndarray
) -> np.ndarray:
    """The words with the smallest keys, until ``budget`` pieces of a row are reached.

    Args:
        word, keys, maskable: (B, T), the same key for all pieces of a word.
        budget: (B,).

    Returns:
        (B, T) booleans.
    """
    order = np.lexsort((word, keys, ~maskable), axis=1)  # (B, T): those that may be chosen first
    words, position = np.take_along_axis(word, order, 1), np.arange(word.shape[1])
    begins = np.ones(word.shape, dtype=bool)
    begins[:, 1:] = words[:, 1:] != words[:, :-1]
    before = np.maximum.accumulate(np.where(begins, position, 0), axis=1)  # pieces of earlier words
    chosen = np.empty_like(maskable)
    np.put_along_axis(chosen, order, before < budget[:, None], 1)
    return chosen & maskable


def _unit(keys: np.ndarray) -> np.ndarray:
    """Keys as numbers in [0, 1): their upper 53 bits, all that a float holds."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53


# ---- Which pieces of a text belong to one word, from their ids alone -----------------------------
# The ids of a large corpus are on disk without their text. They are decoded and encoded again:
# where that gives the same ids, the tokenizer itself knows where words begin. Where it does not (a
# window that begins within a word) the marks of the pieces show it.

_SENTENCEPIECE = "▁"
_BEGINS = (_SENTENCEPIECE, "Ġ")  # SentencePiece and byte-level pieces that begin a word


def word_numbers(tokenizer: Any, rows: list[list[int]]) -> list[np.ndarray]:
    """The number of the word that each piece belongs to, counted within its row.

    Args:
        tokenizer: a fast tokenizer.
        rows: R lists of ids, without special tokens around them.

    Returns:
        R int64 arrays, each beginning with 0 and never decreasing.
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

    For some SentencePiece tokenizers (Llama's) a whole text is one word: there the marks show
    where words begin. Elsewhere the tokenizer and these marks agree.
    """
    return _numbered([
        i == 0 or word is None or word != words[i - 1] or piece.startswith(_SENTENCEPIECE)
        for i, (word, piece) in enumerate(zip(words, pieces, strict=True))
    ])  # fmt: skip


def _by_marks(tokenizer: Any, pieces: list[str]) -> np.ndarray:
    """Words by the marks of the pieces that begin or continue one.

    Where the tokenizer has no such marks (as one of characters) each piece is a word.
    """
    prefix = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
    if prefix:
        begins = [not piece.startswith(prefix) for piece in pieces]
    elif any(piece.startswith(_BEGINS) for piece in tokenizer.get_vocab()):
        begins = [piece.startswith(_BEGINS) for piece in pieces]
    else:
        begins = [True] * len(pieces)
    return _numbered(begins)


def _numbered(begins: list[bool]) -> np.ndarray:
    """The number of each piece's word, the first 0 whether it begins one or not."""
    numbers = np.cumsum(begins, dtype=np.int64)
    return numbers - numbers[:1]
