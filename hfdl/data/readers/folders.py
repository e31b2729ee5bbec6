"""Reading folders: a file or folder per split, or a sub-folder per label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hfdl.config.overrides import as_override
from hfdl.data.readers.hub_folders import is_saved_to_disk, read_saved, shards_of
from hfdl.data.readers.readers import FORMATS, read_file
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.several_files import by_number, files_note, joined
from hfdl.data.readers.split_names import SPLIT_NAMES, in_order
from hfdl.data.readers.text_decoding import decode
from hfdl.data.table import Table, refuse_empty
from hfdl.errors import DataError

_UNLABELLED = "unsup"


def read_folder(folder: Path, reading: Reading = PLAIN) -> dict[str, Table]:
    """The splits that a folder holds.

    Tried in this order: what ``save_to_disk`` wrote; files or folders named after splits
    (``train.csv``, ``dev.tsv``, ``test/``), where a split's folder has data files, or a sub-folder
    per label that holds txt files, one text each (the layout of IMDb); shards
    (``train-00000-of-00002.parquet``); the folder ``data`` inside, as repositories of the Hub have
    it, or the only other that holds shards; label sub-folders directly, which become ``train``. The
    sub-folder ``unsup`` is left out: that is where IMDb keeps texts without a label. Hidden names,
    and files and folders of other names, are not read.

    Args:
        folder: an existing folder.
        reading: the options, with the names of the columns that txt files get.

    Raises:
        DataError: none of these layouts, a split twice, or a file that cannot be read.
    """
    if is_saved_to_disk(folder):
        return read_saved(folder)
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if splits := _named(folder, entries):
        return {split: _read_split(path, reading) for split, path in splits.items()}
    if shards := shards_of(entries):
        return {split: _read_files(files, reading) for split, files in shards.items()}
    if inner := _inner_folder(folder, entries):
        return read_folder(inner, reading)
    if _label_folders(folder):
        return {"train": _read_label_folders(folder, reading)}
    raise _no_layout(folder, entries)


def _named(folder: Path, entries: Iterable[Path]) -> dict[str, Path]:
    """The files and folders that are named after splits."""
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
                remedy=f"move one away, or name the files themselves: {_each(entries)}",
            )
        splits[split] = entry
    return in_order(splits)


def _each(entries: Iterable[Path]) -> str:
    """A key for each split that is there, with the first file or folder of that name."""
    found: dict[str, Path] = {}
    for entry in entries:
        split = SPLIT_NAMES.get((entry.stem if entry.is_file() else entry.name).casefold())
        if split is not None and _holds_split(entry):
            found.setdefault(split, entry)
    return " ".join(as_override(f"data.{s}", str(e)) for s, e in in_order(found).items())


def _inner_folder(folder: Path, entries: Iterable[Path]) -> Path | None:
    """``data``, or the only folder that holds splits: a repository has one a configuration."""
    folders = [entry for entry in entries if entry.is_dir()]
    held = [entry for entry in folders if _holds_splits(entry)]
    if folder / "data" in held:
        return folder / "data"
    if len(held) > 1:
        raise DataError(
            f"several data sets: {', '.join(entry.name for entry in held)}",
            where=str(folder),
            rule="each has splits of its own",
            remedy=f"name one, for instance {str(held[0])!r}",
        )
    return held[0] if held else None


def _holds_splits(folder: Path) -> bool:
    inside = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return bool(_named(folder, inside) or shards_of(inside)) or is_saved_to_disk(folder)


def _holds_split(entry: Path) -> bool:
    if entry.is_dir():
        return bool(_label_folders(entry) or _data_files(entry)) or is_saved_to_disk(entry)
    return entry.suffix.lower() in FORMATS


def _read_split(entry: Path, reading: Reading) -> Table:
    if entry.is_file():
        return read_file(entry, reading=reading)
    if is_saved_to_disk(entry):
        return next(iter(read_saved(entry).values()))
    if _label_folders(entry):
        return _read_label_folders(entry, reading)
    return _read_files(_data_files(entry), reading)


def _data_files(folder: Path) -> list[Path]:
    """Its files of rows, in order; a txt file in a split's folder may be one text."""
    names = [
        str(entry)
        for entry in folder.iterdir()
        if entry.is_file()
        and not entry.name.startswith(".")
        and entry.suffix.lower() in FORMATS
        and entry.suffix.lower() != ".txt"
    ]
    return [Path(name) for name in sorted(names, key=by_number)]


def _read_files(files: Sequence[Path], reading: Reading) -> Table:
    tables = [read_file(file, reading=reading) for file in files]
    if len(tables) == 1:
        return tables[0]
    source = str(files[0].parent / f"*{files[0].suffix}")
    return joined(tables, source).noted(files_note([str(file) for file in files]))


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


def _read_label_folders(folder: Path, reading: Reading) -> Table:
    """One row per txt file: its content without the last line end, and its folder's name."""
    texts: list[str] = []
    labels: list[str] = []
    files: list[str] = []
    for label_folder in _label_folders(folder):
        for path in sorted(label_folder.glob("*.txt")):
            content = decode(path.read_bytes(), str(path), reading.encoding)
            texts.append(content.removesuffix("\n").removesuffix("\r"))
            labels.append(label_folder.name)
            files.append(str(path))
    return refuse_empty(
        Table(str(folder), {reading.text: texts, reading.label: labels}, files=files)
    )


def _no_layout(folder: Path, entries: Iterable[Path]) -> DataError:
    names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    data_files = [e for e in entries if e.is_file() and e.suffix.lower() in FORMATS]
    return DataError(
        f"a folder without splits or labels (it holds: {shown or 'nothing'})",
        where=str(folder),
        rule="a folder holds files named train, validation (or dev) and test, shards of them "
        "(train-00000-of-00002.parquet), folders of those names with data files or with a "
        "sub-folder of txt files a label, or such label sub-folders directly",
        remedy=f"name a file itself, for instance {str(data_files[0])!r}" if data_files else None,
    )
