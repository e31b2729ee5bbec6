"""A corpus as one stream of token ids, with the places where its documents begin."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from hfdl.data.encode import read_template

CHUNK = 1 << 20
"""Characters that go to the tokenizer at once: enough for all of its threads, soon forgotten."""
_IDS, _STARTS, _META = "ids.bin", "starts.npy", "meta.json"


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
        starts: (D + 1,) int64, the first token of each document, and N.
        bytes: length of the text in UTF-8.
        digest: sha256 of the ids.
        where: the place of a document in words.
    """

    ids: np.ndarray
    starts: np.ndarray
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
    """Tokenise documents and put them one behind the other.

    Args:
        pieces: the documents, in order; those of one document follow each other.
        tokenizer: a fast tokenizer.
        end_id: stands behind each document that does not end so already; None: nothing does.
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
    kind = np.dtype("<u2" if len(tokenizer) <= 1 << 16 else "<u4")
    with _Writer(kind, folder) as writer:
        size = 0
        for batch in _batches(pieces):
            encoded = tokenizer(
                [piece.text for piece in batch], add_special_tokens=False,
                return_attention_mask=False, return_token_type_ids=False, verbose=False,
            )["input_ids"]  # fmt: skip
            for piece, ids in zip(batch, encoded, strict=True):
                size += len(piece.text.encode("utf-8", "surrogatepass"))
                writer.write(before if piece.begins else [], ids, after if piece.ends else [])
                if piece.ends:
                    writer.end_document()
        return writer.close(size, where)


def open_store(folder: Path, where: Callable[[int], str]) -> TokenStore:
    """A store that ``build_store`` wrote into a folder."""
    meta = json.loads((folder / _META).read_text(encoding="utf-8"))
    kind = np.dtype(meta["dtype"])
    ids = np.memmap(folder / _IDS, kind, "r") if meta["tokens"] else np.zeros(0, kind)
    return TokenStore(ids, np.load(folder / _STARTS), meta["bytes"], meta["digest"], where)


def is_whole(folder: Path) -> bool:
    """Whether a folder holds a store, and all of it."""
    try:
        meta = json.loads((folder / _META).read_text(encoding="utf-8"))
        size = meta["tokens"] * np.dtype(meta["dtype"]).itemsize
        return (folder / _STARTS).is_file() and (folder / _IDS).stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return False


class _Writer:
    """Takes ids, into memory or into a file."""

    def __init__(self, kind: np.dtype, folder: Path | None) -> None:
        self._kind, self._folder = kind, folder
        self._held: list[np.ndarray] = []
        self._file: IO[bytes] | None = None
        self._starts, self._tokens = array("q", [0]), 0  # 8 bytes a document
        self._digest = hashlib.sha256()

    def __enter__(self) -> _Writer:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = (self._folder / _IDS).open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, *parts: list[int]) -> None:
        """Append ids."""
        ids = np.concatenate([np.array(part, dtype=self._kind) for part in parts])
        self._digest.update(ids.tobytes())
        self._tokens += len(ids)
        if self._file is None:
            self._held.append(ids)
        else:
            self._file.write(ids.tobytes())

    def end_document(self) -> None:
        """The next id begins another document."""
        self._starts.append(self._tokens)

    def close(self, size: int, where: Callable[[int], str]) -> TokenStore:
        """The store of all that was written."""
        starts = np.array(self._starts, dtype=np.int64)
        digest = self._digest.hexdigest()
        if self._folder is None:
            ids = np.concatenate([np.zeros(0, self._kind), *self._held])
            return TokenStore(ids, starts, size, digest, where)
        assert self._file is not None
        self._file.close()
        np.save(self._folder / _STARTS, starts)
        meta = {
            "tokens": self._tokens, "dtype": self._kind.str, "bytes": size, "digest": digest,
        }  # fmt: skip
        (self._folder / _META).write_text(json.dumps(meta), encoding="utf-8")
        return open_store(self._folder, where)


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
