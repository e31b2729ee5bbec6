"""The blocks of a token stream that a causal language model reads, and the tokens scored in each.

A block reads the tokens ``begin`` to ``end`` (exclusive) and predicts, after each of them, the next
one. Of a block that overlaps the one before it only the new tail is scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfdl.data.arrays import ComputedArray, FileArray


@dataclass(frozen=True)
class Blocks:
    """The blocks of one stream, side by side or overlapping; they are computed, not kept.

    Every token but the very first is predicted and scored once, and none is dropped. The last
    block may be shorter than the others.

    Args:
        tokens: how many the stream has. One alone gives no block: nothing follows it.
        length: most tokens that a block reads.
        stride: tokens that neighbouring blocks share, from 0 to ``length - 1``.
    """

    tokens: int
    length: int
    stride: int = 0

    def __len__(self) -> int:
        rest = max(self.tokens - 1 - self.length, 0)  # what the first block does not predict
        return (1 if self.tokens > 1 else 0) + -(-rest // self._step)

    @property
    def begins(self) -> ComputedArray:
        """The first token that each block reads, shape (N,)."""
        return ComputedArray(len(self), lambda i: i * self._step)

    @property
    def ends(self) -> ComputedArray:
        """One after the last token that is read: the number of the last token that is predicted."""
        return ComputedArray(len(self), self._ends)

    @property
    def firsts(self) -> ComputedArray:
        """The first token that is predicted and scored; the earlier ones are context."""
        return ComputedArray(
            len(self), lambda i: i * self._step + 1 + np.where(i > 0, self.stride, 0)
        )

    @property
    def lengths(self) -> ComputedArray:
        """Tokens that each block reads, shape (N,)."""
        return ComputedArray(len(self), lambda i: self._ends(i) - i * self._step)

    @property
    def _step(self) -> int:
        return self.length - self.stride

    def _ends(self, numbers: np.ndarray) -> np.ndarray:
        return np.minimum(numbers * self._step + self.length, self.tokens - 1)


def consecutive_blocks(tokens: int, length: int) -> Blocks:
    """Blocks side by side: block ``i`` reads the tokens from ``i * length`` on.

    Args:
        tokens: how many the stream has.
        length: most tokens that a block reads.
    """
    return Blocks(tokens, length)


def strided_windows(tokens: int, length: int, stride: int) -> Blocks:
    """Overlapping windows: every token but the very first is scored once, with more context.

    From the second window on a token is predicted from at least ``stride`` and up to ``length``
    tokens. Blocks side by side predict their first tokens from next to nothing, which
    underestimates the model (transformers' documentation, "Perplexity of fixed-length models").

    Args:
        tokens: how many the stream has.
        length: most tokens that a window reads.
        stride: tokens that neighbouring windows share, from 0 to ``length - 1``.

    Raises:
        ValueError: a stride that leaves nothing new to a window.
    """
    if not 0 <= stride < length:
        raise ValueError(f"windows of {length} tokens cannot share {stride}")
    return Blocks(tokens, length, stride)


def positions_in_documents(tokens: np.ndarray, starts: np.ndarray | FileArray) -> np.ndarray:
    """How many tokens of its own document stand before each token of a block, in the block.

    Args:
        tokens: numbers of consecutive tokens of the stream, shape (T,).
        starts: the first token of each document, ascending, shape (D,) or, with the end, (D + 1,).

    Returns:
        int64 of shape (T,): 0 at the first token of the block and of each document.
    """
    if not len(tokens):
        return np.zeros(0, dtype=np.int64)
    document = np.searchsorted(starts, tokens, side="right") - 1  # (T,)
    return tokens - np.maximum(starts[document], tokens[0])


def begin_documents(tokens: np.ndarray, starts: np.ndarray | FileArray) -> np.ndarray:
    """Which tokens are the first of a document: bool, shape (T,).

    Args:
        tokens: numbers of tokens of the stream, shape (T,).
        starts: as for ``positions_in_documents``.
    """
    nearest = np.searchsorted(starts, tokens)  # (T,)
    return starts[np.minimum(nearest, len(starts) - 1)] == tokens
