"""One-dimensional arrays that do not lie in memory: their elements are in a file, or computed.

A corpus of some gigabytes has millions of blocks. What a run keeps of each of them, were it only a
number, is what its memory grows with.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 1 << 16
"""Elements that are looked at together where all of them are."""


class ComputedArray:
    """N integers that are a function of their place; int64.

    Args:
        count: N.
        of: gives the elements at some places, both int64 arrays of one shape.
    """

    dtype = np.dtype(np.int64)

    def __init__(self, count: int, of: Callable[[np.ndarray], np.ndarray]) -> None:
        self._count, self._of = count, of

    @property
    def shape(self) -> tuple[int, ...]:
        """(N,)."""
        return (self._count,)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> Any:
        """One element, a slice or those at an array of places, as NumPy gives them."""
        if isinstance(key, slice):
            return self._of(np.arange(*key.indices(self._count), dtype=np.int64))
        places = np.asarray(key, dtype=np.int64)
        if places.size and not -self._count <= places.min() <= places.max() < self._count:
            raise IndexError(f"{key} is out of bounds for {self._count} elements")
        return self._of(np.where(places < 0, places + self._count, places))[()]

    def sum(self) -> int:
        """Of all elements."""
        return sum(int(part.sum()) for part in chunks(self))

    def max(self, *, initial: int) -> int:
        """The greatest element, or ``initial`` where that is greater."""
        return max([initial, *(int(part.max()) for part in chunks(self))])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of them in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)


class FileArray:
    """The numbers of a file, of which no more stays in this process's memory than is asked for.

    The file is mapped. Each access copies what it takes and lets the mapped pages go, which would
    otherwise count as the process's until the kernel runs short.

    Args:
        path: a file of numbers, not empty. It may be deleted while the array lives.
        dtype: of the numbers.
    """

    def __init__(self, path: Path, dtype: np.dtype) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._view = np.frombuffer(self._map, dtype)  # (N,)
        self.dtype, self.shape = self._view.dtype, self._view.shape

    @property
    def nbytes(self) -> int:
        """Size of the file."""
        return self._view.nbytes

    def __len__(self) -> int:
        return len(self._view)

    def __getitem__(self, key: Any) -> Any:
        """One element, a slice or those at an array of places: never a view of the file."""
        found = self._view[key]
        found = found.copy() if isinstance(found, np.ndarray) else found
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._map.madvise(mmap.MADV_DONTNEED)
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """A view of the file, whose pages stay until the next access: for ``np.searchsorted``."""
        return self._view if dtype in (None, self.dtype) else self._view.astype(dtype)


Array = np.ndarray | ComputedArray | FileArray
"""Numbers of shape (N,), wherever they are."""


def chunks(array: Array) -> Iterator[np.ndarray]:
    """An array from its first to its last element, in parts; one in memory as a whole."""
    if isinstance(array, np.ndarray):
        yield array
        return
    for start in range(0, len(array), CHUNK):
        yield array[start : start + CHUNK]
