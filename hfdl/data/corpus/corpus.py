"""A recipe's corpus as streams of token ids, whether it is held in memory or on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.corpus import streaming
from hfdl.data.corpus.chunked_tokenization import pieces_of
from hfdl.data.corpus.documents import load_documents, texts_of
from hfdl.data.corpus.token_store import TokenStore, build_store
from hfdl.data.table import Table

LEARNED = 100_000_000
"""The most characters of a corpus that a tokenizer is learned from: more hardly change it."""


@dataclass(frozen=True)
class Corpus:
    """Token ids by split.

    Args:
        stores: by split name.
        facts: lines for a person: where validation came from, where ids are kept.
    """

    stores: dict[str, TokenStore]
    facts: list[str] = field(default_factory=list)


def open_corpus(
    config: DataConfig,
    memory: Mapping[str, Any] | None,
    seed: int,
    tokenizer: Any,
    *,
    end_id: int | None,
    trains: bool,
    template: bool = True,
) -> Corpus:
    """Read and tokenise a corpus.

    Args:
        config: the recipe's data section; ``streaming`` keeps the ids on disk.
        memory: data objects by the marker that stands for them in the recipe.
        seed: fixes which documents are held out and sampled.
        tokenizer: a fast tokenizer.
        end_id: appended to each document; None: nothing is.
        trains: whether a train split is needed; else it is left out.
        template: whether documents get the tokenizer's special tokens.

    Raises:
        DataError: see ``load_documents`` and ``streaming.open_stores``.
    """
    if config.streaming:
        return Corpus(*streaming.open_stores(
            config, memory, seed, tokenizer, end_id=end_id, trains=trains, template=template
        ))  # fmt: skip
    tables, facts = load_documents(config, memory, seed, trains=trains)
    stores = {
        name: _store(table, config, tokenizer, end_id, template)
        for name, table in tables.items()
        if trains or name != "train"
    }
    return Corpus(stores, facts)


class TrainingTexts:
    """The documents that a tokenizer is learned from: those of train, up to ``LEARNED`` characters.

    They can be read more than once: streamed files are then read again.

    Args:
        read: gives the documents of train from the first on.

    Attributes:
        facts: a line for a person, once the texts have been read and were not all of train.
    """

    def __init__(self, read: Callable[[], Iterable[str]]) -> None:
        self._read = read
        self.facts: list[str] = []

    def __iter__(self) -> Iterator[str]:
        left = LEARNED
        for text in self._read():
            if len(text) > left:
                self.facts = [f"vocabulary: learned from the first {LEARNED:,} characters alone"]
                yield text[:left]
                return
            yield text
            left -= len(text)


def training_texts(
    config: DataConfig, memory: Mapping[str, Any] | None, seed: int
) -> TrainingTexts:
    """What a tokenizer is learned from. Arguments as for ``open_corpus``.

    Raises:
        DataError: see ``load_documents``; of streamed files, while the texts are read.
    """
    if config.streaming:
        return TrainingTexts(lambda: streaming.training_texts(config, memory, seed))
    tables, _ = load_documents(config, memory, seed, trains=True)
    texts = texts_of(tables["train"], config)
    return TrainingTexts(lambda: texts)


def _store(
    table: Table, config: DataConfig, tokenizer: Any, end_id: int | None, template: bool
) -> TokenStore:
    texts = texts_of(table, config)
    pieces = (piece for text in texts for piece in pieces_of(text, tokenizer))
    return build_store(pieces, tokenizer, end_id=end_id, template=template, where=table.where)
