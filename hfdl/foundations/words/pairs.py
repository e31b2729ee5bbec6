"""Pairs of centre and context words, from which word vectors are learned.

    text       the  old  king  sleeps            reach of "old" 1, of "king" 2
    pairs      (old, the), (old, king), (king, the), (king, old), (king, sleeps), ...

A centre word and a context word make a pair where the context is at most ``reach`` words away in
the same sentence. All pairs of a text are listed by array operations, without a loop over words.

Shapes: n tokens, whatever sentences they are in.
"""

from __future__ import annotations

import numpy as np

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.layer import Ints


def draw_reaches(n: int, window: int, rng: np.random.Generator) -> Ints:
    """Dynamic windows: for each of n tokens a reach from 1 to ``window``, all equally probable.

    A context at distance d is then used with probability (window - d + 1) / window: near words
    count more (Mikolov et al. 2013, section 3.1, arXiv:1301.3781).

    Raises:
        ConfigError: window is below 1.
    """
    if window < 1:
        raise ConfigError(f"window is {window}", rule="a window reaches at least 1 word")
    return rng.integers(1, window + 1, size=n, dtype=np.int32)


def spans(sentence: Ints, reach: Ints | int) -> tuple[Ints, Ints]:
    """The first and the last position that each token reaches within its sentence.

    Args:
        sentence: (n,), for each token the number of its sentence, not descending.
        reach: (n,) or one number, in words.

    Returns:
        first and last, both (n,); first <= position <= last.

    Raises:
        ShapeError: reach has another length than sentence.
    """
    if np.ndim(reach) and np.shape(reach) != sentence.shape:
        raise ShapeError(
            f"reach {np.shape(reach)}, sentence {sentence.shape}", rule="one reach for each token"
        )
    position = np.arange(len(sentence))
    begins = np.flatnonzero(np.diff(sentence, prepend=-1))  # where a sentence begins
    sizes = np.diff(begins, append=len(sentence))
    begin = np.repeat(begins, sizes)  # (n,)
    end = begin + np.repeat(sizes, sizes) - 1
    return np.maximum(begin, position - reach), np.minimum(end, position + reach)


def pairs(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Every pair of positions, by centre, then by context.

    Args:
        first, last: (n,) as from ``spans``.

    Returns:
        centre and context, both (P,): positions from 0 to n - 1; a word is not its own context.
    """
    contexts = last - first  # how many each centre has: all of its span but itself
    centre = np.repeat(np.arange(len(first)), contexts)  # (P,)
    before = np.cumsum(contexts) - contexts  # pairs of earlier centres
    context = np.arange(len(centre)) - before[centre] + first[centre]
    return centre, context + (context >= centre)  # step over the centre itself
