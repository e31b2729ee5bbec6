"""Corpora that are larger than memory: read piece by piece, their token ids kept on disk.

The ids lie in a folder of the cache whose name is a fingerprint of the files, the tokenizer and
the settings. A folder is written aside and then renamed, so that what is there is whole: after an
interruption, and where several processes of one run write the same ids at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.documents import is_held_out
from hfdl.data.pieces import pieces_of
from hfdl.data.streamed_files import SplitFiles, find_files, read_documents
from hfdl.data.token_store import Piece, TokenStore, build_store, is_whole, open_store
from hfdl.errors import ConfigError, DataError

_VERSION = 1  # of what lies in a folder


def cache_folder() -> Path:
    """Where token ids lie: ``tokens`` in ``HFDL_CACHE``, or in ``~/.cache/hfdl``."""
    given = os.environ.get("HFDL_CACHE")
    return (Path(given) if given else Path.home() / ".cache" / "hfdl") / "tokens"


def open_stores(
    config: DataConfig,
    memory: Mapping[str, Any] | None,
    seed: int,
    tokenizer: Any,
    *,
    end_id: int | None,
    trains: bool,
    template: bool = True,
) -> tuple[dict[str, TokenStore], list[str]]:
    """The token ids of each split, from the cache or written to it.

    Validation, where none is given, is the documents whose hash of (seed, number) is below
    ``validation_share``. Arguments as for ``hfdl.data.corpus.open_corpus``.

    Raises:
        ConfigError: ``data.max_samples``, which would need to count the documents first.
        DataError: a source that cannot be streamed, no text in a split, or a file that cannot be
            read.
    """
    if config.max_samples is not None:
        raise ConfigError(
            "data.max_samples together with data.streaming",
            where="data.max_samples",
            rule="examples are drawn from documents that have been counted",
            remedy="set data.streaming=false, or give a smaller file",
        )
    splits = _splits(config, memory, seed, trains)
    stores: dict[str, TokenStore] = {}
    facts: list[str] = []
    for name, split in splits.items():
        settings = [
            _VERSION, name, config.text, config.separator, end_id, template, split.share,
            seed if split.share else None,
        ]  # fmt: skip
        folder = cache_folder() / _fingerprint(split.files, tokenizer, settings)
        where = partial(_where, split.source, name)
        store = open_store(folder, where) if is_whole(folder) else None
        if store is None:
            pieces = _pieces(split, config, tokenizer)
            store = _write(pieces, folder, where, tokenizer, end_id=end_id, template=template)
        if not store.documents:
            raise _no_text(name, split)
        stores[name] = store
        size = store.ids.nbytes / 1e6
        facts.append(f"{name}: {len(store.ids):,} token ids in {folder} ({size:,.1f} MB)")
        if name == "validation" and split.share:
            facts.append(
                f"validation: {store.documents:,} documents held out from {split.source} "
                f"(seed {seed}), because no validation split was given"
            )
    return stores, facts


def training_texts(
    config: DataConfig, memory: Mapping[str, Any] | None, seed: int
) -> Iterator[str]:
    """The documents of train, one by one."""
    split = _splits(config, memory, seed, trains=True)["train"]
    return _documents(split, config)


def _splits(
    config: DataConfig, memory: Mapping[str, Any] | None, seed: int, trains: bool
) -> dict[str, SplitFiles]:
    found = find_files(config, memory)
    if not trains:
        return {name: split for name, split in found.items() if name != "train"}
    if "train" not in found:
        raise DataError(
            "there is nothing to train on",
            where="data.train",
            rule="it names a text file or a folder of them",
            remedy="set data.train=FILE",
        )
    if "validation" not in found:
        drawn = {"share": config.validation_share, "seed": seed}
        train = found["train"]
        found = {
            **found,
            "train": train._replace(**drawn, held_out=False),
            "validation": train._replace(**drawn, held_out=True),
        }
    return found


def _documents(split: SplitFiles, config: DataConfig) -> Iterator[str]:
    """The documents of a split that are not blank."""
    number = 0
    for file in split.files:
        for text in read_documents(file, config.text, config.separator):
            if not text.strip():
                continue
            if not split.share or is_held_out(number, split.share, split.seed) == split.held_out:
                yield text
            number += 1


def _pieces(split: SplitFiles, config: DataConfig, tokenizer: Any) -> Iterator[Piece]:
    for text in _documents(split, config):
        yield from pieces_of(text, tokenizer)


def _write(
    pieces: Iterator[Piece], folder: Path, where: Any, tokenizer: Any, **settings: Any
) -> TokenStore:
    """Write a store aside, then give it its name; of two that do so at once the first is kept."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        build_store(pieces, tokenizer, folder=aside, **settings)
        if folder.exists() and not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            aside.rename(folder)
        except OSError:
            if not is_whole(folder):
                raise
    finally:  # also on Ctrl-C; after the renaming there is nothing left
        shutil.rmtree(aside, ignore_errors=True)
    return open_store(folder, where)


def _fingerprint(files: tuple[Path, ...], tokenizer: Any, settings: list[Any]) -> str:
    """32 hexadecimal digits of whatever the ids depend on."""
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    text = json.dumps([stats, tokenizer.backend_tokenizer.to_str(), settings])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _where(source: str, split: str, number: int) -> str:
    return f"{source}, document {number + 1} of {split}"


def _no_text(name: str, split: SplitFiles) -> DataError:
    if split.share:
        return DataError(
            f"no document is left for {name}",
            where=split.source,
            rule="without data.validation whole documents are held out from a stream",
            remedy="give data.validation=FILE, or another data.separator",
        )
    return DataError("it holds no text", where=split.source, remedy="is this the right file?")
