"""Reading the data sets inside the package: ``hfdl://NAME``, no network needed."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from hfdl.data.readers.readers import FORMATS, read_bytes
from hfdl.data.readers.split_names import SPLIT_NAMES, in_order
from hfdl.data.table import Table
from hfdl.errors import DataError, did_you_mean

SCHEME = "hfdl://"


def embedded_names() -> list[str]:
    """Names of the embedded data sets, sorted."""
    return sorted(entry.name for entry in _root().iterdir() if entry.is_dir() and _splits(entry))


def read_embedded(name: str) -> dict[str, Table]:
    """The splits of an embedded data set.

    Raises:
        DataError: no such set; the message names the nearest.
    """
    names = embedded_names()
    if name not in names:
        raise DataError(
            f"no embedded data set {name!r}",
            where=f"{SCHEME}{name}",
            rule=f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names) or 'none'}",
            remedy=did_you_mean(name, names),
        )
    return {
        split: read_bytes(entry.read_bytes(), f"{SCHEME}{name}/{entry.name}")
        for split, entry in _splits(_root() / name).items()
    }


def _root() -> Traversable:
    return files("hfdl.data.samples")


def _splits(folder: Traversable) -> dict[str, Traversable]:
    """Files of the folder that are named after splits, in the order train, validation, test."""
    splits: dict[str, Traversable] = {}
    for entry in folder.iterdir():
        path = PurePosixPath(entry.name)
        if path.suffix in FORMATS and path.stem in SPLIT_NAMES:
            splits[SPLIT_NAMES[path.stem]] = entry
    return in_order(splits)
