"""Reading folders: a file or folder per split, or a sub-folder per label."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hfdl.data.readers.readers import FORMATS, read_file
from hfdl.data.readers.split_names import SPLIT_NAMES, in_order
from hfdl.data.readers.text_decoding import decode_utf8
from hfdl.data.table import Table, refuse_empty
from hfdl.errors import DataError

_UNLABELLED = "unsup"


def read_folder(folder: Path, *, text: str = "text", label: str = "label") -> dict[str, Table]:
    """The splits that a folder holds.

    Either files or folders named after splits (``train.csv``, ``dev.tsv``, ``test/``), where a
    split's folder has a sub-folder per label that holds txt files, one text each (the layout of
    IMDb); or such label sub-folders directly, which become ``train``. The sub-folder ``unsup`` is
    left out: that is where IMDb keeps texts without a label. Hidden names, and files and folders
    of other names, are not read.

    Args:
        folder: an existing folder.
        text: name of the text column that txt files get.
        label: name of the label column that the sub-folders' names get.

    Raises:
        DataError: none of these layouts, a split twice, or a file that cannot be read.
    """
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    splits: dict[str, Path] = {}
    for entry in entries:
        split = SPLIT_NAMES.get((entry.stem if entry.is_file() else entry.name).casefold())
        if split is None or not _holds_split(entry):
            continue
        if split in splits:
            raise DataError(
                f"{splits[split].name} and {entry.name} are both the {split} split",
                where=str(folder),
                rule="a folder holds one file or folder a split",
                remedy=f"move one away, or name the file itself: data.{split}={entry}",
            )
        splits[split] = entry
    if splits:
        return {split: _read_split(path, text, label) for split, path in in_order(splits).items()}
    if _label_folders(folder):
        return {"train": _read_label_folders(folder, text, label)}
    raise _no_layout(folder, entries)


def _holds_split(entry: Path) -> bool:
    if entry.is_dir():
        return bool(_label_folders(entry))
    return entry.suffix.lower() in FORMATS


def _read_split(entry: Path, text: str, label: str) -> Table:
    if entry.is_dir():
        return _read_label_folders(entry, text, label)
    return read_file(entry, text=text)


def _label_folders(folder: Path) -> list[Path]:
    """Sub-folders that hold a txt file, sorted by name."""
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.is_dir()
        and not entry.name.startswith(".")
        and entry.name != _UNLABELLED
        and next(entry.glob("*.txt"), None) is not None
    )


def _read_label_folders(folder: Path, text: str, label: str) -> Table:
    """One row per txt file: its content without the last line end, and its folder's name."""
    texts: list[str] = []
    labels: list[str] = []
    files: list[str] = []
    for label_folder in _label_folders(folder):
        for path in sorted(label_folder.glob("*.txt")):
            content = decode_utf8(path.read_bytes(), str(path))
            texts.append(content.removesuffix("\n").removesuffix("\r"))
            labels.append(label_folder.name)
            files.append(str(path))
    return refuse_empty(Table(str(folder), {text: texts, label: labels}, files=files))


def _no_layout(folder: Path, entries: Iterable[Path]) -> DataError:
    names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    data_files = [e for e in entries if e.is_file() and e.suffix.lower() in FORMATS]
    return DataError(
        f"a folder without splits or labels (it holds: {shown or 'nothing'})",
        where=str(folder),
        rule="a folder holds files named train, validation (or dev) and test, or folders of those "
        "names with a sub-folder of txt files a label, or such label sub-folders directly",
        remedy=f"name a file itself, for instance {str(data_files[0])!r}" if data_files else None,
    )
