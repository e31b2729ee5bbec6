"""Sentences that are longer than the model: overlapping rows, of which one owns each word."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

LOST = -1
"""The owner of a word that stands in no row."""


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces ``start:end`` of a sentence."""

    start: int
    end: int


def cut_rows(length: int, firsts: Sequence[int], room: int, overlap: int) -> list[Row]:
    """Rows that together show every piece: one where all fit.

    A row ends, and the next one begins, at the start of a word where there is one within a
    quarter of a row; a longer word is cut. Each row reaches beyond the one before. The last one
    ends with the sentence and is as full as the others, so that no word is read with a short
    rest for its context.

    Args:
        length: pieces of the sentence.
        firsts: the first piece of each word.
        room: most pieces in a row, at least 1.
        overlap: pieces that neighbouring rows share at least, but never more than half a row.
    """
    if length <= room:
        return [Row(0, length)]
    starts = sorted(firsts)
    overlap, slack = min(overlap, room // 2), room // 4
    rows: list[Row] = []
    start, reached = 0, 0
    while start + room < length:
        end = _back(starts, start + room, max(start + room - slack, reached + 1))
        rows.append(Row(start, end))
        reached = end
        start = _back(starts, end - overlap, max(end - overlap - slack, start + 1))
    full = length - room  # after the last row's start, which could not reach the end
    rows.append(Row(_forward(starts, full, min(full + slack, start)), length))
    return rows


def _back(starts: Sequence[int], place: int, lowest: int) -> int:
    """The last word start from ``lowest`` to ``place``, else ``place``."""
    i = bisect_right(starts, place) - 1
    return starts[i] if i >= 0 and starts[i] >= lowest else place


def _forward(starts: Sequence[int], place: int, highest: int) -> int:
    """The first word start from ``place`` to ``highest``, else ``place``."""
    i = bisect_left(starts, place)
    return starts[i] if i < len(starts) and starts[i] <= highest else place


def owners(rows: Sequence[Row], length: int, firsts: Sequence[int]) -> list[int]:
    """The row that owns each word: the one that shows its first piece with most context.

    Context is the number of pieces on the side where there are fewer; where a row begins or ends
    with the sentence, nothing more is to be seen on that side, and it counts as endless. Of equal
    rows the first owns the word.

    Returns:
        a row number for each word, ``LOST`` where no row holds its first piece.
    """
    starts, ends = [row.start for row in rows], [row.end for row in rows]  # both ascend
    found = []
    for piece in firsts:
        holding = range(bisect_right(ends, piece), bisect_right(starts, piece))
        found.append(
            max(holding, key=lambda i, at=piece: _context(rows[i], length, at), default=LOST)
        )
    return found


def _context(row: Row, length: int, piece: int) -> float:
    left = piece - row.start if row.start > 0 else math.inf
    right = row.end - 1 - piece if row.end < length else math.inf
    return min(left, right)
