"""Viterbi decoding: the most probable tag sequence among those that the scheme allows.

Nothing is trained: the scores are the model's, and a transition is either allowed or not.
"""

from __future__ import annotations

import numpy as np


def viterbi(
    scores: np.ndarray, start: np.ndarray, between: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """The allowed sequence with the largest sum of scores (Forney 1973, "The Viterbi algorithm").

    Args:
        scores: (W, C) finite log-probabilities of each tag at each word.
        start: (C,) booleans: tags that may be the first.
        between: (C, C) booleans: ``between[a, b]`` where b may follow a.
        end: (C,) booleans: tags that may be the last.

    Returns:
        (W,) int64 tag numbers. Of several equal sequences, the one with the lowest numbers, read
        from the end.

    Raises:
        ValueError: no sequence of W tags is allowed.
    """
    words, classes = scores.shape
    if words == 0:
        return np.zeros(0, dtype=np.int64)
    steps = np.where(between, 0.0, -np.inf)  # (C, C)
    best = np.where(start, scores[0].astype(np.float64), -np.inf)  # (C,) ending in each tag
    came_from = np.zeros((words, classes), dtype=np.int64)
    for word in range(1, words):
        paths = best[:, None] + steps  # (C, C): from a to b
        came_from[word] = paths.argmax(axis=0)
        best = paths.max(axis=0) + scores[word]
    best = np.where(end, best, -np.inf)
    if np.isneginf(best).all():
        raise ValueError(f"no sequence of {words} tags is allowed")
    path = np.empty(words, dtype=np.int64)
    path[-1] = best.argmax()
    for word in range(words - 1, 0, -1):
        path[word - 1] = came_from[word, path[word]]
    return path
