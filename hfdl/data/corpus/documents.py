"""The documents of a corpus in memory, by split."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hfdl.config.schema import DataConfig
from hfdl.data.random_keys import Stream, hash64
from hfdl.data.readers.sources import load_splits, nothing_to_train_on
from hfdl.data.splits import sample, stratified_split
from hfdl.data.table import Table, is_blank, notes_of
from hfdl.errors import DataError

FEW = 20
"""Of fewer documents the end of the text is held out, instead of random documents."""
EVERY_ROW = "every row of a corpus is a text"
_HASHED = 1024  # numbers of documents that are hashed at once


def load_documents(
    config: DataConfig, memory: Mapping[str, Any] | None, seed: int, *, trains: bool
) -> tuple[dict[str, Table], list[str]]:
    """The documents of each split in the column ``data.text``, none of them empty.

    Args:
        config: the recipe's data section.
        memory: data objects by the marker that stands for them in the recipe.
        seed: fixes which documents are held out.
        trains: whether there must be a train split. Where validation is not given it is cut from
            train.

    Returns:
        tables by split name, and what a person should know of how they came about.

    Raises:
        DataError: nothing to train on, no text in a row, or a split without any text.
    """
    tables = load_splits(config, memory, "texts")
    if trains and "train" not in tables:
        raise nothing_to_train_on("a text file, a folder, hfdl://NAME or a Hub id")
    facts: list[str] = []
    splits = {name: _documents(name, table, config, facts) for name, table in tables.items()}
    if "train" in splits and "validation" not in splits:
        splits, fact = hold_out(splits, config, seed)
        facts.append(fact)
    if config.max_samples is not None:
        splits = {name: _fewer(name, table, config, seed, facts) for name, table in splits.items()}
    return splits, facts


def texts_of(table: Table, config: DataConfig) -> list[str]:
    """The texts of a table of documents."""
    return list(table.column(config.text, "data.text"))


def as_documents(table: Table, config: DataConfig) -> Table:
    """The table, or, where its rows are lines of txt files, a document a row."""
    if not _is_plain_text(table, config.text) or config.separator == "\n":
        return table
    documents = recut(table, config.text, config.separator)
    files = len(set(documents.files)) if documents.files is not None else 1
    if is_mark(config.separator) and len(documents) == files:
        return documents.noted(absent_separator(config.separator, table.source))
    return documents


def is_mark(separator: str | None) -> bool:
    """Whether a separator is expected to occur: a file of one line is a document by itself."""
    return separator not in (None, "\n")


def absent_separator(separator: str | None, source: str) -> str:
    """The line that says that a separator never occurs, so that a file is one document."""
    return f"data.separator {separator!r} never occurs in {source}: a file is one document"


def empty_documents(split: str, count: int) -> str:
    """The line that says how many documents were left out because they are blank or missing."""
    return f"{split}: {count:,} empty document{'' if count == 1 else 's'} left out"


def held_out(share: float, seed: int) -> Iterator[bool]:
    """Whether each document of a stream is validation; an endless iterator.

    It is if the hash of its number and the seed, as a number from 0 to 1, is below the share.
    """
    bound = np.uint64(math.ceil(share * 2.0**64))
    for first in itertools.count(0, _HASHED):
        numbers = np.arange(first, first + _HASHED, dtype=np.uint64)
        yield from (hash64(seed, Stream.SPLIT, 0, numbers) < bound).tolist()


def _documents(name: str, table: Table, config: DataConfig, facts: list[str]) -> Table:
    """One document a row; txt files cut where the recipe says; empty ones dropped."""
    table = as_documents(table, config)
    facts.extend(notes_of({name: table}))
    cells = table.column(config.text, "data.text")
    kept = [row for row, cell in enumerate(cells) if not is_blank(cell)]
    if not kept:
        raise DataError("it holds no text", where=table.source, remedy="is this the right file?")
    if len(kept) < len(table):
        facts.append(empty_documents(name, len(table) - len(kept)))
    table = table.select(kept)
    return table.with_columns({config.text: table.texts(config.text, "data.text", EVERY_ROW)})


def _is_plain_text(table: Table, column: str) -> bool:
    """Whether the rows are lines of txt files."""
    names = [table.source] if table.files is None else list(dict.fromkeys(table.files))
    return column in table.columns and all(name.lower().endswith(".txt") for name in names)


def recut(table: Table, column: str, separator: str | None) -> Table:
    """Lines of txt files as documents.

    Args:
        table: a line a row.
        column: of the lines.
        separator: the text between documents; None: a file is one document.
    """
    texts: list[str] = []
    lines: list[int] = []
    files: list[str] = []
    for file, rows in _by_file(table):
        whole = "\n".join(str(table.columns[column][row]) for row in rows)
        line = 1
        for text in [whole] if separator is None else whole.split(separator):
            blank = len(text) - len(text.lstrip("\n"))
            texts.append(text if separator is None else text.strip("\n"))
            lines.append(line + blank)
            files.append(file)
            line += text.count("\n") + (separator or "").count("\n")
    whole = Table(table.source, {column: texts}, lines, files if table.files else None)
    return whole.noted(*table.notes)


def _by_file(table: Table) -> Iterator[tuple[str, list[int]]]:
    if table.files is None:
        yield table.source, list(range(len(table)))
        return
    for file in dict.fromkeys(table.files):
        yield file, [row for row, name in enumerate(table.files) if name == file]


def hold_out(
    tables: dict[str, Table], config: DataConfig, seed: int
) -> tuple[dict[str, Table], str]:
    """Take validation from train: random documents, or of few documents the end.

    Returns:
        tables by split name, and a line that says how.

    Raises:
        DataError: the text is too short to be divided.
    """
    train, share = tables["train"], config.validation_share
    reason = "because no validation split was given"
    if len(train) >= FEW:
        kept, taken = stratified_split(None, len(train), share, seed)
        fact = (
            f"validation: {len(taken):,} of {len(train):,} documents held out from "
            f"{train.source} (seed {seed}), {reason}"
        )
        return {**tables, "train": train.select(kept), "validation": train.select(taken)}, fact
    head, tail = cut_end(texts_of(train, config), share)
    if not tail or not head:
        raise DataError(
            "the text is too short to train and validate on",
            where=train.source,
            rule="without data.validation the end of the text is held out",
            remedy="give more text, or data.validation=FILE",
        )
    first = len(head) - (1 if len(head) + len(tail) > len(train) else 0)
    column = config.text
    parts = {
        "train": replace(train.select(range(len(head))), columns={column: head}),
        "validation": replace(train.select(range(first, len(train))), columns={column: tail}),
    }
    fact = f"validation: the last {share:.0%} of {train.source} held out, {reason}"
    return {**tables, **parts}, fact


def cut_end(texts: Sequence[str], share: float) -> tuple[list[str], list[str]]:
    """The texts before and after a position that leaves ``share`` of the characters after it.

    The position is moved on to the next line end, or to the next blank where the line is long. The
    text that it lies in is cut in two.
    """
    position = round(sum(map(len, texts)) * (1 - share))
    for number, text in enumerate(texts):
        if position < len(text):
            at = _boundary(text, position)
            head = [*texts[:number], *([text[:at]] if at else [])]
            return head, [*([text[at:]] if at < len(text) else []), *texts[number + 1 :]]
        position -= len(text)
    return list(texts), []


def _boundary(text: str, position: int) -> int:
    """After the next line end, if one is near, else after the next blank, else the position."""
    if position == 0:
        return 0
    for mark, reach in (("\n", 1000), (" ", 100)):
        end = text.find(mark, position - 1, position + reach)
        if end >= 0:
            return end + 1
    return position


def _fewer(name: str, table: Table, config: DataConfig, seed: int, facts: list[str]) -> Table:
    assert config.max_samples is not None
    if len(table) <= config.max_samples:
        return table
    facts.append(f"{name}: {config.max_samples} of {len(table):,} documents (max_samples)")
    return table.select(sample(len(table), config.max_samples, seed))
