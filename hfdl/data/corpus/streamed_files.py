"""Finding the files of a streamed corpus."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from hfdl.config.schema import DataConfig
from hfdl.data.corpus.streamed_documents import STREAMED
from hfdl.data.readers.readers import FORMATS, refuse_missing, refuse_unknown_format
from hfdl.data.readers.several_files import expanded, is_pattern
from hfdl.data.readers.split_names import SPLIT_NAMES, SPLITS, pick
from hfdl.errors import DataError


class SplitFiles(NamedTuple):
    """Files of a split; with a share, the documents that are (not) held out of them."""

    source: str
    files: tuple[Path, ...]
    share: float = 0.0
    seed: int = 0
    held_out: bool = False


def find_files(config: DataConfig, memory: Mapping[str, Any] | None) -> dict[str, SplitFiles]:
    """The files of each split that the recipe names.

    A folder holds a file a split (``train.txt``, ``dev.jsonl``), or else all of its files are one
    split, in the order of their names. Hidden files are not read.

    Raises:
        DataError: a source that is not a local file or folder, holds nothing that can be read, or
            holds a file of a format that cannot be read piece by piece.
    """
    splits: dict[str, SplitFiles] = {}
    for split in SPLITS:
        source = getattr(config, split)
        if not source:
            continue
        if isinstance(source, list) or is_pattern(source):
            names = expanded(source)
            held = [pick(_held(name, memory), split, name) for name in names]
            files = tuple(file for one in held for file in one.files)
            splits[split] = SplitFiles(", ".join(names), files)
        elif split == "train":
            splits.update(_held(source, memory))
        else:
            splits[split] = pick(_held(source, memory), split, source)
    return splits


def _held(source: str, memory: Mapping[str, Any] | None) -> dict[str, SplitFiles]:
    if "://" in source or (memory is not None and source in memory):
        raise DataError(
            "this source cannot be streamed",
            where=source,
            rule="data.streaming reads local files and folders",
            remedy="set data.streaming=false",
        )
    path = Path(source).expanduser()
    refuse_missing(path, source)
    if not path.is_dir():
        refuse_unknown_format(path.name, source)
        _refuse_whole(path)
        return {"train": SplitFiles(source, (path,))}
    files = sorted(f for f in path.iterdir() if f.is_file() and _can_be_read(f))
    if not files:
        raise DataError(
            "a folder without a file that can be streamed",
            where=source,
            rule=f"the known extensions are: {', '.join(STREAMED)}",
        )
    named: dict[str, list[Path]] = {}
    for file in files:
        if file.stem.casefold() in SPLIT_NAMES:
            named.setdefault(SPLIT_NAMES[file.stem.casefold()], []).append(file)
    splits = named or {"train": files}
    for file in chain.from_iterable(splits.values()):
        _refuse_whole(file)
    return {split: SplitFiles(source, tuple(chosen)) for split, chosen in splits.items()}


def _can_be_read(file: Path) -> bool:
    return file.suffix.lower() in FORMATS and not file.name.startswith(".")


def _refuse_whole(file: Path) -> None:
    """Refuse a format that is only read whole: a json file is one value."""
    if file.suffix.lower() not in STREAMED:
        raise DataError(
            f"a {file.suffix.lower()} file cannot be streamed",
            where=str(file),
            rule=f"data.streaming reads {', '.join(STREAMED)} piece by piece",
            remedy="write it as jsonl, or set data.streaming=false",
        )
