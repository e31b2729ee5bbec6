"""File and line of each document of a streamed split, eight bytes a document on disk."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from hfdl.data.arrays import FileArray

_NUMBERS, _META = "places.bin", "places.json"
_NUMBER = np.dtype("<i8")


class PlaceWriter:
    """Takes the places of documents one by one; a context manager.

    Args:
        folder: that gets them; it is made.

    Attributes:
        empty: blank documents that were left out, to be counted by the user.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file: IO[bytes] = (folder / _NUMBERS).open("wb")
        self._files: list[tuple[str, int]] = []
        self._count = 0
        self.empty = 0

    def __enter__(self) -> PlaceWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, file: Path, number: int) -> None:
        """The next document begins on a line (parquet: in a row) of a file."""
        if not self._files or self._files[-1][0] != str(file):
            self._files.append((str(file), self._count))
        self._file.write(struct.pack("<q", number))
        self._count += 1

    def close(self) -> None:
        """Write what was added, once all documents are."""
        self._file.close()
        meta = {"files": self._files, "documents": self._count, "empty": self.empty}
        (self._folder / _META).write_text(json.dumps(meta, allow_nan=False), encoding="utf-8")


class Places(NamedTuple):
    """The places of a split's documents.

    Args:
        files: paths, each with the number of the first document that it holds.
        numbers: (D,) int64, the line or row of each document; a file, read as needed.
        empty: blank documents that were left out.
    """

    files: list[tuple[str, int]]
    numbers: np.ndarray | FileArray
    empty: int

    def where(self, document: int) -> str:
        """The place of a document in words: ``corpus/a.txt, line 12``."""
        file = next(name for name, first in reversed(self.files) if first <= document)
        unit = "row" if file.lower().endswith(".parquet") else "line"
        return f"{file}, {unit} {int(self.numbers[document])}"


def open_places(folder: Path) -> Places:
    """What a ``PlaceWriter`` left in a folder."""
    meta = _read_meta(folder)
    count = meta["documents"]
    numbers = FileArray(folder / _NUMBERS, _NUMBER) if count else np.zeros(0, _NUMBER)
    return Places([(file, first) for file, first in meta["files"]], numbers, meta["empty"])


def places_are_whole(folder: Path) -> bool:
    """Whether all places are there; sizes alone are compared, for a wrong place harms no result."""
    try:
        size = _read_meta(folder)["documents"] * _NUMBER.itemsize
        return (folder / _NUMBERS).stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_meta(folder: Path) -> dict[str, Any]:
    return json.loads((folder / _META).read_text(encoding="utf-8"))
