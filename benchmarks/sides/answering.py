"""What answers texts in a program of prediction: batches, sizes that are tried, answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

BATCH_SIZES = (1, 8, 32, 64, 128)
TRIED = 48
"""Texts on which the batch sizes are tried."""


def by_length(texts: Sequence[str]) -> list[int]:
    """The places of texts, the longest first, so that a batch holds texts of like lengths."""
    return sorted(range(len(texts)), key=lambda i: -len(texts[i]))


def answered(
    texts: Sequence[str], size: int, scores: Callable[[list[str]], list[Any]]
) -> list[Any]:
    """The answers of texts in their order, made in sorted batches.

    Args:
        texts: all of them.
        size: of a batch.
        scores: the answers of a batch.
    """
    order = by_length(texts)
    found: list[Any] = [None] * len(texts)
    for start in range(0, len(order), size):
        places = order[start : start + size]
        for place, answer in zip(places, scores([texts[i] for i in places]), strict=True):
            found[place] = answer
    return found


def fastest(sizes: Sequence[int], work: Callable[[int], Any]) -> int:
    """The batch size that takes the least processor time; each is tried once after a warm-up."""
    work(sizes[0])
    times = {}
    for size in sizes:
        began = time.process_time()
        work(size)
        times[size] = time.process_time() - began
    return min(sizes, key=times.__getitem__)


def of_label(answer: Any, label: str) -> float:
    """The probability of one of two labels, of an answer ``{"label", "score"}`` of the likelier."""
    best = answer[0] if isinstance(answer, list) else answer
    return best["score"] if best["label"] == label else 1.0 - best["score"]
