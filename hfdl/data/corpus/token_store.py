"""A corpus as one stream of token ids, with the position of each document in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from hfdl.data.arrays import FileArray
from hfdl.data.encode import read_template
from hfdl.progress import track

CHUNK = 1 << 20
"""Characters that go to the tokenizer at once: enough for all of its threads, and little memory."""
_IDS, _STARTS, _META = "ids.bin", "starts.bin", "meta.json"
_START = np.dtype("<i8")


class Piece(NamedTuple):
    """A document, or a part of one that is too long to be tokenised at once."""

    text: str
    begins: bool = True
    ends: bool = True


@dataclass(frozen=True)
class TokenStore:
    """The ids of a corpus.

    Args:
        ids: (N,) uint16 or uint32; in memory, or a file that is read where it is needed.
        starts: (D + 1,) int64, the first token of each document, and N; as ``ids``.
        bytes: length of the text in UTF-8.
        digest: sha256 of the ids.
        where: the place of a document in words.
    """

    ids: np.ndarray | FileArray
    starts: np.ndarray | FileArray
    bytes: int
    digest: str
    where: Callable[[int], str]

    @property
    def documents(self) -> int:
        """D."""
        return len(self.starts) - 1

    def document(self, number: int) -> np.ndarray:
        """The ids of a document, special tokens included where the store has them."""
        return self.ids[self.starts[number] : self.starts[number + 1]]


def build_store(
    pieces: Iterable[Piece],
    tokenizer: Any,
    *,
    end_id: int | None,
    template: bool = True,
    folder: Path | None = None,
    where: Callable[[int], str] = lambda number: f"document {number + 1}",
) -> TokenStore:
    """Tokenise documents and concatenate them.

    Args:
        pieces: the documents, in order; those of one document follow each other.
        tokenizer: a fast tokenizer.
        end_id: appended to each document that does not end with it already; None: nothing is.
        template: whether each document gets the special tokens that the tokenizer puts around a
            text.
        folder: where the ids are written, so that memory does not grow with the corpus; None: they
            stay in memory.
        where: the place of a document in words.

    Raises:
        ModelError: the tokenizer is a slow one, or changes a text when it adds special tokens.
    """
    specials = read_template(tokenizer, pair=False).specials if template else ((), ())
    before, after = list(specials[0]), list(specials[-1])
    if end_id is not None and after[-1:] != [end_id]:
        after.append(end_id)
    dtype = np.dtype("<u2" if len(tokenizer) <= 1 << 16 else "<u4")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    size = tokens = 0
    with _Numbers(dtype, folder and folder / _IDS) as ids, _Numbers(
        _START, folder and folder / _STARTS
    ) as starts:  # fmt: skip
        starts.append([0])
        for batch in track(_batches(pieces), "tokenising", unit="texts", size=len):
            row: list[int] = []
            ends: list[int] = []
            for piece, own in zip(batch, _encode(batch, tokenizer), strict=True):
                size += len(piece.text.encode("utf-8", "surrogatepass"))
                row += [*(before if piece.begins else ()), *own, *(after if piece.ends else ())]
                if piece.ends:
                    ends.append(tokens + len(row))
            ids.append(row)
            starts.append(ends)
            tokens += len(row)
    if folder is None:
        return TokenStore(ids.held(), starts.held(), size, ids.digest, where)
    meta = {
        "tokens": tokens, "dtype": dtype.str, "documents": starts.count - 1, "bytes": size,
        "digest": ids.digest, "starts": starts.digest,
    }  # fmt: skip
    (folder / _META).write_text(json.dumps(meta, allow_nan=False), encoding="utf-8")
    return open_store(folder, where)


def open_store(folder: Path, where: Callable[[int], str]) -> TokenStore:
    """A store that ``build_store`` wrote into a folder."""
    meta = _read_meta(folder)
    dtype = np.dtype(meta["dtype"])
    ids = FileArray(folder / _IDS, dtype) if meta["tokens"] else np.zeros(0, dtype)
    starts = FileArray(folder / _STARTS, _START)
    return TokenStore(ids, starts, meta["bytes"], meta["digest"], where)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a store exactly as it was written.

    It is read once from end to end, a second or two a gigabyte: far cheaper than tokenising it
    again, or than training on the incomplete ids that a full disk or a crash has left.
    """
    try:
        meta = _read_meta(folder)
        size = meta["tokens"] * np.dtype(meta["dtype"]).itemsize
        return (
            (folder / _IDS).stat().st_size == size
            and (folder / _STARTS).stat().st_size == (meta["documents"] + 1) * _START.itemsize
            and _digest(folder / _STARTS) == meta["starts"]
            and _digest(folder / _IDS) == meta["digest"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_meta(folder: Path) -> dict[str, Any]:
    return json.loads((folder / _META).read_text(encoding="utf-8"))


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class _Numbers:
    """Numbers of one dtype that are appended, in memory or to a file."""

    def __init__(self, dtype: np.dtype, file: Path | None) -> None:
        self._dtype, self._parts = dtype, list[np.ndarray]()
        self._file: IO[bytes] | None = None if file is None else file.open("wb")
        self._sum = hashlib.sha256()
        self.count = 0

    def __enter__(self) -> _Numbers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, numbers: list[int]) -> None:
        """Append them."""
        part = np.array(numbers, dtype=self._dtype)
        self.count += len(part)
        self._sum.update(part.tobytes())
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.tobytes())

    @property
    def digest(self) -> str:
        """sha256 of all of them."""
        return self._sum.hexdigest()

    def held(self) -> np.ndarray:
        """All of them, of those in memory."""
        return np.concatenate([np.zeros(0, self._dtype), *self._parts])


def _encode(batch: list[Piece], tokenizer: Any) -> list[list[int]]:
    return tokenizer(
        [piece.text for piece in batch], add_special_tokens=False, return_attention_mask=False,
        return_token_type_ids=False, verbose=False,
    )["input_ids"]  # fmt: skip


def _batches(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces of about ``CHUNK`` characters together."""
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece.text)
        if size >= CHUNK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
