"""The blocks of a token stream that a causal language model reads, and the tokens scored in each.

A block reads the tokens ``begin`` to ``end`` (exclusive) and predicts, after each of them, the next
one. Of a block that overlaps the one before it only the new tail is scored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Blocks:
    """N blocks of one stream; all arrays are int64, of shape (N,).

    Args:
        begins: the first token that is read.
        ends: one after the last that is read: the number of the last token that is predicted.
        firsts: the first token that is predicted and scored; the earlier ones are context.
    """

    begins: np.ndarray
    ends: np.ndarray
    firsts: np.ndarray

    def __len__(self) -> int:
        return len(self.begins)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens that each block reads, shape (N,)."""
        return self.ends - self.begins


def consecutive_blocks(tokens: int, length: int) -> Blocks:
    """Blocks side by side: every token but the very first is predicted once, and none is dropped.

    Block ``i`` reads the tokens from ``i * length`` on; the last one may be shorter.

    Args:
        tokens: how many the stream has. One alone gives no block: nothing follows it.
        length: most tokens that a block reads.
    """
    begins = np.arange(0, max(tokens - 1, 0), length, dtype=np.int64)
    ends = np.minimum(begins + length, tokens - 1)
    return Blocks(begins, ends, begins + 1)


def strided_windows(tokens: int, length: int, stride: int) -> Blocks:
    """Overlapping windows: every token but the very first is scored once, with more context.

    From the second window on a token is predicted from at least ``stride`` and up to ``length``
    tokens. Blocks side by side predict their first tokens from next to nothing, which
    underestimates the model (transformers' documentation, "Perplexity of fixed-length models").

    Args:
        tokens: as for ``consecutive_blocks``.
        length: most tokens that a window reads.
        stride: tokens that neighbouring windows share, from 0 to ``length - 1``.

    Raises:
        ValueError: a stride that leaves nothing new to a window.
    """
    if not 0 <= stride < length:
        raise ValueError(f"windows of {length} tokens cannot share {stride}")
    step = length - stride
    rest = max(tokens - 1 - length, 0)  # what the first window does not predict
    count = (1 if tokens > 1 else 0) + -(-rest // step)
    begins = np.arange(count, dtype=np.int64) * step
    ends = np.minimum(begins + length, tokens - 1)
    firsts = np.concatenate([begins[:1], ends[:-1]]) + 1
    return Blocks(begins, ends, firsts)


def positions_in_documents(tokens: np.ndarray, starts: np.ndarray) -> np.ndarray:
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


def begin_documents(tokens: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Which tokens are the first of a document: bool, shape (T,).

    Args:
        tokens: numbers of tokens of the stream, shape (T,).
        starts: as for ``positions_in_documents``.
    """
    nearest = np.searchsorted(starts, tokens)  # (T,)
    return starts[np.minimum(nearest, len(starts) - 1)] == tokens
