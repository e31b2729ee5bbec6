"""The names of splits in files, folders, data sets and dicts, and hfdl's own names for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from hfdl.errors import DataError

T = TypeVar("T")

SPLITS = ("train", "validation", "test")
"""hfdl's names, in their order."""

SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "validation_matched": "validation",  # MNLI has a second one, of other kinds of texts
    "dev_matched": "validation",
    "test_matched": "test",
    "dev": "validation",
    "val": "validation",
    "valid": "validation",
    "eval": "validation",
    "test": "test",
}
"""Name of a file, folder or Hub split -> hfdl's name of the split."""


def in_order(splits: Mapping[str, T]) -> dict[str, T]:
    """Values by split, in the order train, validation, test."""
    return {split: splits[split] for split in SPLITS if split in splits}


def named_splits(names: Iterable[T], aliases: Mapping[str, str] = SPLIT_NAMES) -> dict[str, T]:
    """Which of some names, in any case, is which split; other names are passed over.

    Of several for one split, hfdl's own name of it comes before the others, and then the first.
    """
    splits: dict[str, T] = {}
    for name in names:
        split = aliases.get(str(name).casefold())
        if split is not None and (split not in splits or name == split):
            splits[split] = name
    return in_order(splits)


def pick(splits: Mapping[str, T], split: str, source: str) -> T:
    """The split of a source that ``data.train``, ``data.validation`` or ``data.test`` names.

    For validation and test a source of one split gives that one, whatever its name.

    Raises:
        DataError: the source has several splits, and not this one.
    """
    if split in splits:
        return splits[split]
    if len(splits) == 1 and split != "train":
        return next(iter(splits.values()))
    raise DataError(
        f"no {split} split for data.{split}",
        where=source,
        rule=f"it holds: {', '.join(splits) or 'none with labels'}",
        remedy=f"name a file instead: data.{split}=FILE",
    )
