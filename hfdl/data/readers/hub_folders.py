"""Folders that datasets and the Hub write: save_to_disk, and cloned repositories with shards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hfdl.config.overrides import as_override
from hfdl.data.readers.in_memory import table_from_dataset, unread_note
from hfdl.data.readers.readers import FORMATS
from hfdl.data.readers.split_names import SPLIT_NAMES, in_order, named_splits
from hfdl.data.table import Table
from hfdl.errors import DataError, import_extra

_SHARD = re.compile(  # older repositories of the Hub have a checksum behind: -a3f28a0a5b1c2d3e
    r"(?P<split>\w+?)-(?P<number>[0-9]+)-of-(?P<count>[0-9]+)(?:-[0-9a-f]{8,})?"
)


def is_saved_to_disk(folder: Path) -> bool:
    """Whether ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote the folder."""
    is_dict = (folder / "dataset_dict.json").is_file()
    return is_dict or all((folder / name).is_file() for name in ("state.json", "dataset_info.json"))


def read_saved(folder: Path) -> dict[str, Table]:
    """The splits of a folder that ``save_to_disk`` wrote; of a single data set ``train``.

    Raises:
        DataError: it is damaged, or none of its splits is train, validation or test.
    """
    datasets = import_extra("datasets", feature="a folder of save_to_disk", extra="datasets")
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise DataError(
            f"the folder of save_to_disk cannot be loaded: {reason}", where=str(folder)
        ) from error
    if not isinstance(loaded, dict):
        return {"train": table_from_dataset(loaded, str(folder))}
    names = named_splits(loaded)
    if not names:
        raise DataError(
            f"none of its splits ({', '.join(map(str, loaded))}) is train, validation or test",
            where=str(folder),
            remedy="name the folder of a split, for instance "
            f"{str(folder / str(next(iter(loaded), '')))!r}",
        )
    tables = {
        split: table_from_dataset(loaded[name], str(folder / str(name)))
        for split, name in names.items()
    }
    note = unread_note(loaded, names.values())
    return {s: t.noted(note) if s == next(iter(tables)) else t for s, t in tables.items()}


def shards_of(entries: Iterable[Path]) -> dict[str, list[Path]]:
    """The shards of each split by number: ``train-00000-of-00002.parquet`` and the next.

    Raises:
        DataError: a shard is absent.
    """
    found: dict[str, dict[int, Path]] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        match = _SHARD.fullmatch(entry.stem)
        split = SPLIT_NAMES.get(match["split"].casefold()) if match else None
        if match and split and entry.is_file() and entry.suffix.lower() in FORMATS:
            found.setdefault(split, {})[int(match["number"])] = entry
            counts[split] = int(match["count"])
    for split, shards in found.items():
        missing = next((n for n in range(counts[split]) if n not in shards), None)
        if missing is not None:
            raise DataError(
                f"shard {missing} of {counts[split]} is not there",
                where=str(next(iter(shards.values()))),
                rule="all shards of a split are read",
                remedy="download it again, or name those that are there: "
                + as_override(f"data.{split}", [str(path) for _, path in sorted(shards.items())]),
            )
    return in_order({split: [shards[n] for n in sorted(shards)] for split, shards in found.items()})
