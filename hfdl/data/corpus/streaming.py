"""Corpora larger than memory: read piece by piece, with their token ids on disk.

The ids are in a folder of the cache whose name is a fingerprint of the files, the tokenizer and the
settings. ``hfdl.data.corpus.cache`` writes it under another name and then renames it; a damaged one
is written again. Nothing else is removed from the cache: its folders may be deleted at any time
while no run reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.corpus.cache import cache_folder, write_aside
from hfdl.data.corpus.chunked_tokenization import pieces_of
from hfdl.data.corpus.document_index import PlaceWriter, open_places, places_are_whole
from hfdl.data.corpus.documents import absent_separator, empty_documents, held_out, is_mark
from hfdl.data.corpus.streamed_documents import read_documents
from hfdl.data.corpus.streamed_files import SplitFiles, find_files
from hfdl.data.corpus.token_store import TokenStore, build_store, is_whole, open_store
from hfdl.data.readers.reading import Reading
from hfdl.data.readers.sources import nothing_to_train_on
from hfdl.data.table import is_blank
from hfdl.errors import ConfigError, DataError

_VERSION = 2  # of the content of a folder


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
    ``validation_share``. Arguments as for ``hfdl.data.corpus.corpus.open_corpus``.

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
            seed if split.share else None, config.encoding, config.csv.model_dump(),
        ]  # fmt: skip
        folder = cache_folder() / _fingerprint(split.files, tokenizer, settings)
        if not _is_sound(folder):
            _write(split, config, tokenizer, folder, end_id=end_id, template=template)
        places = open_places(folder)
        store = open_store(folder, places.where)
        if not store.documents:
            raise _no_text(name, split)
        stores[name] = store
        size = store.ids.nbytes / 1e6
        facts.append(f"{name}: {len(store.ids):,} token ids in {folder} ({size:,.1f} MB)")
        if places.empty and not split.held_out:
            facts.append(empty_documents(name, places.empty))
        if store.documents <= len(split.files) and is_mark(config.separator):
            facts.append(f"{name}: {absent_separator(config.separator, split.source)}")
        if split.held_out:
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
    splits = find_files(config, memory)
    if trains and "train" not in splits:
        raise nothing_to_train_on("a text file or a folder of them")
    if "train" in splits and "validation" not in splits:
        train = splits["train"]._replace(share=config.validation_share, seed=seed)
        splits |= {"train": train, "validation": train._replace(held_out=True)}
    return {name: split for name, split in splits.items() if trains or name != "train"}


def _documents(
    split: SplitFiles, config: DataConfig, places: PlaceWriter | None = None
) -> Iterator[str]:
    """The documents of a split that are not blank; ``places`` gets the place of each."""
    choice = held_out(split.share, split.seed)
    reading = Reading.of(config)
    for file in split.files:
        for place, text in read_documents(file, config.text, config.separator, reading):
            if is_blank(text):
                if places is not None:
                    places.empty += 1
            elif next(choice) == split.held_out:
                if places is not None:
                    places.add(file, place)
                yield text


def _write(
    split: SplitFiles, config: DataConfig, tokenizer: Any, folder: Path, **settings: Any
) -> None:
    """Write the ids of a split into a folder of the cache.

    Raises:
        DataError: a file changed meanwhile, so that the ids are neither the old nor the new ones.
    """
    before = _states(split.files)
    with write_aside(folder, _is_sound) as aside:
        with PlaceWriter(aside) as places:
            texts = _documents(split, config, places)
            pieces = (piece for text in texts for piece in pieces_of(text, tokenizer))
            build_store(pieces, tokenizer, folder=aside, **settings)
            places.close()
        if _states(split.files) != before:
            raise DataError(
                "a file changed while it was read",
                where=split.source,
                rule="its token ids are kept and used again",
                remedy="start again once it is written",
            )


def _is_sound(folder: Path) -> bool:
    return is_whole(folder) and places_are_whole(folder)


def _states(files: tuple[Path, ...]) -> list[list[Any]]:
    stats = ((file, file.stat()) for file in files)
    return [[str(file.resolve()), stat.st_size, stat.st_mtime_ns] for file, stat in stats]


def _fingerprint(files: tuple[Path, ...], tokenizer: Any, settings: list[Any]) -> str:
    """32 hexadecimal digits of all that the ids depend on."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    backend.update(truncation=None, padding=None)  # left there by whoever called it last
    text = json.dumps([_states(files), backend, settings], allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _no_text(name: str, split: SplitFiles) -> DataError:
    if split.share:
        return DataError(
            f"no document is left for {name}",
            where=split.source,
            rule="without data.validation whole documents are held out from a stream",
            remedy="give data.validation=FILE, or say what stands between two documents: "
            "data.separator=MARK",
        )
    return DataError("it holds no text", where=split.source, remedy="is this the right file?")
