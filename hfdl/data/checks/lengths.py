"""Token lengths of the texts of a split, and what a limit would cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hfdl.progress import track

_BATCH = 1000  # texts that are tokenised at once
_FIRST_EDGE = 8


@dataclass(frozen=True)
class LengthReport:
    """Token lengths of a split, special tokens included.

    Args:
        min: shortest text, tokens.
        median: half of the texts are at most this long, tokens.
        p95: 95 % of the texts are at most this long, tokens.
        max: longest text, tokens.
        histogram: number of texts by range of lengths (``"17-32"``), empty ranges in between
            included.
        max_length: the limit that the shares below are of; None: no limit.
        long_texts: texts over the limit.
        long_text_share: share of all texts.
        cut_token_share: share of all tokens that lies beyond the limit.
    """

    min: int
    median: int
    p95: int
    max: int
    histogram: dict[str, int]
    max_length: int | None
    long_texts: int
    long_text_share: float
    cut_token_share: float


def token_lengths(
    tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None = None
) -> np.ndarray:
    """Tokens of each text (or pair of texts), special tokens included, nothing truncated.

    Args:
        tokenizer: a Hugging Face tokenizer.
        texts: the texts.
        pairs: the second text of each, if the task has one.

    Returns:
        int64 of shape (N,).
    """
    columns = (texts,) if pairs is None else (texts, pairs)
    return np.array([len(ids) for ids in encoded(tokenizer, *columns)], dtype=np.int64)


def encoded(tokenizer: Any, *columns: Sequence[str], special: bool = True) -> Iterator[list[int]]:
    """The ids of each text (or pair of texts), nothing truncated.

    Args:
        tokenizer: a Hugging Face tokenizer.
        columns: the texts, or the first and the second texts of the pairs.
        special: whether special tokens are put around them.
    """
    count = len(columns[0])
    for start in track(
        range(0, count, _BATCH), "counting tokens", total=count, unit="texts",
        size=lambda start: min(_BATCH, count - start),
    ):  # fmt: skip
        batch = [list(column[start : start + _BATCH]) for column in columns]
        rows = tokenizer(*batch, add_special_tokens=special, truncation=False, verbose=False)
        yield from rows["input_ids"]


def describe_lengths(lengths: np.ndarray, max_length: int | None) -> LengthReport:
    """Summary of token lengths.

    Args:
        lengths: int64 of shape (N,), N > 0.
        max_length: limit in tokens, or None.
    """
    excess = np.maximum(lengths - max_length, 0) if max_length is not None else lengths * 0
    middle, high = np.quantile(lengths, [0.5, 0.95], method="inverted_cdf")
    return LengthReport(
        min=int(lengths.min()),
        median=int(middle),
        p95=int(high),
        max=int(lengths.max()),
        histogram=_histogram(lengths),
        max_length=max_length,
        long_texts=int((excess > 0).sum()),
        long_text_share=float((excess > 0).mean()),
        cut_token_share=float(excess.sum() / max(int(lengths.sum()), 1)),
    )


def _histogram(lengths: np.ndarray) -> dict[str, int]:
    """Texts by length: 0 to 8, 9 to 16, 17 to 32 and so on, from the first range in use."""
    counts: dict[str, int] = {}
    low, high = 0, _FIRST_EDGE
    while low <= lengths.max():
        count = int(((lengths >= low) & (lengths <= high)).sum())
        if count or counts:
            counts[f"{low}-{high}"] = count
        low, high = high + 1, high * 2
    return counts
