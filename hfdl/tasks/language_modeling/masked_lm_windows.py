"""Documents cut into windows side by side, and how much of each can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AT_ONCE = 1 << 14
"""Windows whose ids are looked at together: those of a large corpus lie on disk, and stay there."""


@dataclass(frozen=True)
class Windows:
    """N stretches of a store, none across a document's border; all arrays are int64, (N,).

    Args:
        begins, ends: the tokens ``begin`` to ``end`` (exclusive) of the store.
        documents: the number of each one's document.
    """

    begins: np.ndarray
    ends: np.ndarray
    documents: np.ndarray

    @property
    def tokens(self) -> int:
        """Tokens of all windows together."""
        return int((self.ends - self.begins).sum())

    def select(self, kept: np.ndarray) -> Windows:
        """Those of them for which a boolean array (N,) is true."""
        return Windows(self.begins[kept], self.ends[kept], self.documents[kept])


def windows_of(starts: np.ndarray, room: int) -> Windows:
    """Cut documents into windows side by side: every token stands in exactly one.

    Args:
        starts: (D + 1,) where each of D documents begins, and the end of the last.
        room: most tokens of a window; the last one of a document may have fewer.
    """
    sizes = np.diff(starts)  # (D,)
    counts = -(-sizes // room)  # (D,): none for a document without tokens
    documents = np.repeat(np.arange(len(sizes)), counts)  # (N,)
    number = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)  # (N,)
    begins = starts[documents] + number * room
    return Windows(begins, np.minimum(begins + room, starts[documents + 1]), documents)


def count_askable(ids: np.ndarray, windows: Windows, special: np.ndarray) -> np.ndarray:
    """How many tokens of each window may be asked for: (N,).

    Args:
        ids: of a whole store.
        windows: of all of its documents, as ``windows_of`` gives them: side by side, none empty.
        special: (V,) which ids are never asked for.
    """
    counts = np.zeros(len(windows.begins), dtype=np.int64)
    for first in range(0, len(counts), AT_ONCE):
        begins = windows.begins[first : first + AT_ONCE]  # (n,)
        end = windows.ends[first : first + AT_ONCE][-1]
        askable = ~special[ids[begins[0] : end]]
        counts[first : first + AT_ONCE] = np.add.reduceat(
            askable, begins - begins[0], dtype=np.int64
        )
    return counts
