"""Splits for causal language modelling: a tokenised text in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hfdl.data.collate import pad_rows, padding_mask
from hfdl.data.corpus.blocks import Blocks, begin_documents, positions_in_documents
from hfdl.tasks.protocol import Batch
from hfdl.tasks.split import BaseSplit, digest_of

if TYPE_CHECKING:
    from hfdl.data.corpus.token_store import TokenStore


@dataclass
class BlockOptions:
    """How blocks are made into model inputs; all splits of a task share one.

    Args:
        tokenizer: with a padding token.
        apart: how the documents of a block are kept apart: ``positions`` that start again, or a
            ``mask`` beside them; None: they are not. See ``causal_lm.how_to_keep_apart``.
        dtype: of the mask.
    """

    tokenizer: Any
    apart: str | None = None
    dtype: torch.dtype = torch.float32


class TokenSplit(BaseSplit):
    """The stretches of a text that a language model reads; each is one example.

    Args:
        name: ``train``, ``validation`` or ``test``.
        store: the token ids of the text, and where its documents begin.
        blocks: which stretches of it.
        options: how they are made into model inputs.
    """

    def __init__(self, name: str, store: TokenStore, blocks: Blocks, options: BlockOptions) -> None:
        super().__init__(name, blocks.lengths)
        self.store, self.blocks, self.options = store, blocks, options

    def references(self) -> Sequence[dict[str, Any]]:
        """A digest of the ids, and the bytes of the text that they stand for."""
        return [{"digest": self.store.digest, "bytes": self.store.bytes}]

    def digest(self) -> str:
        """Of the ids, of the documents' borders among them, and of the blocks."""
        blocks = self.blocks
        arrays = [self.store.starts, blocks.begins, blocks.firsts, blocks.ends]
        return digest_of(arrays, self.store.digest, self.options.apart)

    def where(self, example: int) -> str:
        """The place of the document in which a block begins."""
        first = int(self.blocks.begins[example])
        return self.store.where(int(np.searchsorted(self.store.starts, first, side="right")) - 1)

    def describe(self, example: int) -> dict[str, Any]:
        """Place and text of a block: the tokens that it predicts."""
        first, end = int(self.blocks.firsts[example]), int(self.blocks.ends[example])
        ids = self.store.ids[first : end + 1].tolist()
        return {"where": self.where(example), "text": self.options.tokenizer.decode(ids)}

    def batch(self, examples: Sequence[int], *, seed: int = 0, epoch: int = 0) -> Batch:
        """The given blocks, padded on the right, with the positions whose next token is a target.

        ``positions`` (N,) are indices into the flattened (B, T); ``targets`` (N,) are the tokens
        that follow them. Nothing about the batch is random: ``seed`` and ``epoch`` do not matter.
        """
        numbers = np.asarray(examples, dtype=np.int64)
        begins, ends = self.blocks.begins[numbers], self.blocks.ends[numbers]  # (B,)
        lengths = (ends - begins).tolist()
        # The last token of a block is not read, but predicted.
        read = [self.store.ids[begin : end + 1] for begin, end in zip(begins, ends, strict=True)]
        rows: list[Any] = [ids[:-1] for ids in read]
        ids = pad_rows(rows, self.options.tokenizer.pad_token_id)  # (B, T)
        firsts = self.blocks.firsts[numbers]
        # Numbers of the tokens that each block predicts.
        of_blocks = [self._targets(first, end) for first, end in zip(firsts, ends, strict=True)]
        owner = np.repeat(np.arange(len(read)), [len(tokens) for tokens in of_blocks])  # (N,)
        tokens = np.concatenate([*of_blocks, np.zeros(0, dtype=np.int64)])  # (N,)
        positions = owner * ids.shape[1] + tokens - 1 - begins[owner]  # (N,)
        found = [row[own - begin] for row, own, begin in zip(read, of_blocks, begins, strict=True)]
        targets = np.concatenate([*found, np.zeros(0, dtype=np.uint16)]).astype(np.int64)
        inputs = {
            "input_ids": ids,
            **self._context(begins, lengths, ids.shape[1]),
            "positions": torch.from_numpy(positions),
            "targets": torch.from_numpy(targets),
        }
        scored = {"targets": inputs["targets"], "rows": torch.from_numpy(owner)}
        return Batch(inputs, scored, examples, sum(lengths))

    def _targets(self, first: int, end: int) -> np.ndarray:
        """Numbers of the tokens that a block predicts.

        Where documents are kept apart nothing predicts the first token of a document: the token
        before it belongs to another one.
        """
        tokens = np.arange(first, end + 1, dtype=np.int64)
        if self.options.apart is None:
            return tokens
        return tokens[~begin_documents(tokens, self.store.starts)]

    def _context(
        self, begins: np.ndarray, lengths: Sequence[int], width: int
    ) -> dict[str, torch.Tensor]:
        """What restricts attention further than to the tokens before each."""
        if self.options.apart is None:
            padded = min(lengths) < width
            return {"attention_mask": padding_mask(lengths, width)} if padded else {}
        rows: list[Any] = [
            positions_in_documents(begin + np.arange(length), self.store.starts)
            for begin, length in zip(begins, lengths, strict=True)
        ]
        positions = pad_rows(rows, 0)  # (B, T): each token of padding is a document by itself
        if self.options.apart == "positions":
            return {"position_ids": positions}
        mask = documents_mask(positions, self.options.dtype)
        return {"position_ids": positions, "attention_mask": mask}


def documents_mask(positions: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The additive mask that lets each token attend to its own document up to itself.

    Args:
        positions: (B, T), 0 at the first token of each document.
        dtype: of the mask.

    Returns:
        (B, 1, T, T), 0 where a token is attended to and the least number of ``dtype`` elsewhere.
    """
    document = (positions == 0).cumsum(1)  # (B, T)
    alike = document[:, :, None] == document[:, None, :]  # (B, T, T)
    seen = (alike.tril())[:, None]  # (B, T, T) -> (B, 1, T, T)
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)
