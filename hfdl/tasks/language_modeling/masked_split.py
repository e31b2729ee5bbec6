"""Splits for masked language modelling: documents in windows, masked when a batch is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hfdl.data.collate import pad_rows, padding_mask
from hfdl.data.corpus.masking import Masking, word_numbers
from hfdl.data.encode import Template
from hfdl.errors import DataError
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit, digest_of

if TYPE_CHECKING:
    from hfdl.data.arrays import FileArray
    from hfdl.data.corpus.token_store import TokenStore


@dataclass(frozen=True)
class MaskingConfig:
    """Masking setup for masked language modelling; all splits of a task share one.

    Args:
        tokenizer: with a mask token and a padding token.
        template: what stands around each window.
        rule: which tokens are chosen, and what stands in their place.
        whole_words: whether words are chosen, not pieces.
        special: (V,) which ids are never chosen.
        length: longest row, in tokens.
        seed: of the run: fixes the masks of held-out splits.
    """

    tokenizer: Any
    template: Template
    rule: Masking
    whole_words: bool
    special: np.ndarray
    length: int
    seed: int

    @property
    def room(self) -> int:
        """Most tokens of a window, the special ones around it left out."""
        return self.length - self.template.size


class MaskedSplit(BaseSplit):
    """Windows of documents, some of whose tokens are masked and to be predicted.

    Windows of special tokens alone (unknown words are one, too) are left out: none of them can be
    masked.

    Args:
        name: ``train``, ``validation`` or ``test``.
        store: the token ids of the documents, without special tokens around them.
        masking: how tokens are masked.
        training: whether other tokens are masked in each epoch; else always the same.
    """

    def __init__(
        self, name: str, store: TokenStore, masking: MaskingConfig, *, training: bool = False
    ) -> None:
        self.store, self.masking, self.training = store, masking, training
        every = windows_of(np.asarray(store.starts), masking.room)
        kept = count_maskable(store.ids, every, masking.special) > 0  # (N,)
        self.windows, self.left_out = every.select(kept), every.select(~kept)
        sizes = self.windows.ends - self.windows.begins + masking.template.size  # (N,)
        super().__init__(name, sizes)

    def references(self) -> Sequence[dict[str, Any]]:
        """A digest of the ids, and the bytes of the text that they stand for."""
        return [{"digest": self.store.digest, "bytes": self.store.bytes}]

    def digest(self) -> str:
        """Of the ids and the windows, and of what may be masked."""
        windows, special = self.windows, self.masking.special
        arrays = [windows.begins, windows.ends, windows.documents, special]
        return digest_of(arrays, self.store.digest, self.masking.template)

    def where(self, example: int) -> str:
        """The place of a window's document."""
        return self.store.where(int(self.windows.documents[example]))

    def describe(self, example: int) -> dict[str, Any]:
        """Place and text of a window."""
        text = self.masking.tokenizer.decode(self._ids(example))
        return {"where": self.where(example), "text": text}

    def facts(self) -> list[str]:
        """How the documents were cut and masked, as lines for a person."""
        line = (
            f"{self._tokens()} of {_plural(self.store.documents, 'document')} in "
            f"{_plural(len(self), 'window')} of at most {self.masking.length}; {self._lost()}"
        )
        if self.training:
            return [line]
        return [line, f"{self.name}: the masks are fixed (train.seed={self.masking.seed})"]

    def _tokens(self) -> str:
        every, lost = len(self.store.ids), self.left_out.tokens
        read = f"{every - lost:,} of {every:,} tokens" if lost else _plural(every, "token")
        return f"{self.name}: {read}"

    def _lost(self) -> str:
        if not self.left_out.tokens:
            return "lost 0"
        windows = _plural(len(self.left_out.begins), "window")
        return (
            f"lost {self.left_out.tokens:,}, in {windows} of special or unknown tokens alone, of "
            "which nothing can be asked"
        )

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """The given windows, padded on the right, some tokens masked, with their positions.

        ``positions`` (N,) are indices into the flattened (B, T); ``targets`` (N,) are the tokens
        that stood there. In training they are a function of ``seed``, ``epoch`` and the example;
        in a held-out split of the run's seed and the example, so that its metrics can be repeated.
        """
        if not self.training:
            seed, epoch = self.masking.seed, 0
        texts = [self._ids(i) for i in examples]
        template = self.masking.template
        rows = [template.build(text) for text in texts]
        lengths = [len(row) for row in rows]
        ids = pad_rows(rows, self.masking.tokenizer.pad_token_id).numpy()  # (B, T)
        masked, chosen = self.masking.rule(
            ids, self._maskable(ids, texts), np.asarray(examples, dtype=np.int64),
            seed=seed, epoch=epoch, words=self._words(ids.shape, texts),
        )  # fmt: skip
        positions = np.flatnonzero(chosen)  # (N,)
        targets = torch.from_numpy(ids.ravel()[positions])
        inputs = {
            "input_ids": torch.from_numpy(masked),
            "attention_mask": padding_mask(lengths, ids.shape[1]),
            "positions": torch.from_numpy(positions),
            "targets": targets,
        }
        owner = torch.from_numpy(positions // ids.shape[1])  # (N,)
        return Batch(inputs, {"targets": targets, "rows": owner}, examples, sum(lengths))

    def _ids(self, example: int) -> list[int]:
        begin, end = int(self.windows.begins[example]), int(self.windows.ends[example])
        return self.store.ids[begin:end].tolist()

    def _maskable(self, ids: np.ndarray, texts: list[list[int]]) -> np.ndarray:
        """Which tokens may be chosen: those of the text that are no special ones; (B, T)."""
        before = len(self.masking.template.specials[0])
        position = np.arange(ids.shape[1]) - before  # (T,)
        sizes = np.array([len(text) for text in texts])[:, None]  # (B, 1)
        return (position >= 0) & (position < sizes) & ~self.masking.special[ids]

    def _words(self, shape: tuple[int, ...], texts: list[list[int]]) -> np.ndarray | None:
        """The number of each token's word, (B, T); None where pieces are chosen."""
        if not self.masking.whole_words:
            return None
        before = len(self.masking.template.specials[0])
        words = np.full(shape, -1, dtype=np.int64)
        for row, numbers in enumerate(word_numbers(self.masking.tokenizer, texts)):
            words[row, before : before + len(numbers)] = numbers
        return words


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def refuse_nothing(split: MaskedSplit, where: str) -> None:
    """Refuse a split without a token that can be masked.

    Args:
        split: any.
        where: where its texts came from.

    Raises:
        DataError: it is one.
    """
    if not len(split):
        raise DataError(
            f"{split.name} has no token that can be masked",
            where=where,
            rule="its texts are empty, or the tokenizer knows none of their words",
            remedy="give other texts, or another model",
        )


# ---- Documents cut into windows side by side, and how many tokens of each can be masked ----------

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


def count_maskable(
    ids: np.ndarray | FileArray, windows: Windows, special: np.ndarray
) -> np.ndarray:
    """How many tokens of each window may be masked: (N,).

    Args:
        ids: of a whole store.
        windows: of all of its documents, as ``windows_of`` gives them: side by side, none empty.
        special: (V,) which ids are never masked.
    """
    counts = np.zeros(len(windows.begins), dtype=np.int64)
    for first in range(0, len(counts), AT_ONCE):
        begins = windows.begins[first : first + AT_ONCE]  # (n,)
        end = windows.ends[first : first + AT_ONCE][-1]
        maskable = ~special[ids[begins[0] : end]]
        counts[first : first + AT_ONCE] = np.add.reduceat(
            maskable, begins - begins[0], dtype=np.int64
        )
    return counts
