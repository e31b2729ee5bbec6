"""Reading the sources that ``data.train``, ``data.validation`` and ``data.test`` name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfdl.config.load import MEMORY
from hfdl.config.schema import DataConfig
from hfdl.data.layouts.examples import as_examples
from hfdl.data.layouts.label_vectors import with_label_vectors
from hfdl.data.layouts.rows import Rows
from hfdl.data.readers.embedded import SCHEME, read_embedded
from hfdl.data.readers.folders import read_folder
from hfdl.data.readers.hub import read_hub
from hfdl.data.readers.in_memory import tables_from_memory
from hfdl.data.readers.readers import FORMATS, read_file, refuse_missing
from hfdl.data.readers.reading import PLAIN, Reading
from hfdl.data.readers.several_files import expanded, files_note, is_pattern, joined
from hfdl.data.readers.split_names import SPLITS, in_order, pick
from hfdl.data.table import Table
from hfdl.errors import DataError
from hfdl.hub.data_names import HUB_DATA
from hfdl.hub.names import id_of_address
from hfdl.progress import tell

# No Hub id ends like this, so a missing file is called a missing file.
_FILE_SUFFIXES = {*FORMATS, ".xlsx", ".xls", ".gz", ".zip", ".yaml", ".yml", ".arrow"}


def read_source(
    source: str,
    *,
    memory: Mapping[str, Any] | None = None,
    reading: Reading = PLAIN,
) -> dict[str, Table]:
    """The splits that one source holds: some of train, validation and test, in that order.

    Tried in this order: an object in ``memory``; ``hfdl://NAME``; a local file, which is
    ``train``; a local folder (see ``read_folder``); a Hub id (see ``read_hub``). What looks like
    a path (a known extension, or a start of ``.``, ``/`` or ``~``) never goes to the Hub.

    Args:
        source: what the recipe names.
        memory: objects of the Python user by the marker that stands for them (``memory://train``).
        reading: the options.

    Raises:
        DataError: nothing of that name, or content that cannot be read.
    """
    tell(f"reading {source}")
    if memory is not None and source in memory:
        return tables_from_memory(memory[source])
    if source.startswith(MEMORY):
        raise lost_object(source, f"data.{source.removeprefix(MEMORY)}")
    if source.startswith(SCHEME):
        return read_embedded(source.removeprefix(SCHEME))
    if not source.strip():
        raise DataError("an empty name", rule="a source is a path, hfdl://NAME or a Hub id")
    path = Path(source).expanduser()
    if path.is_dir():
        return read_folder(path, reading)
    if path.exists():
        return {"train": read_file(path, source=source, reading=reading)}
    if repo := id_of_address(source):
        raise DataError(
            "an address of the Hub",
            where=source,
            rule="a data set there is named by its id",
            remedy=f"name it {repo}",
        )
    if "://" not in source and _looks_like_path(source):
        refuse_missing(path, source)
    if HUB_DATA.fullmatch(source):
        return read_hub(source, label=reading.label)
    raise DataError(
        "no such file or folder, and not a Hub id",
        where=source,
        rule="a source is a local file or folder, hfdl://NAME, or a Hub id (NAME, ORG/NAME, "
        "either with @REVISION, :CONFIG and #SPLIT)",
    )


def lost_object(source: str, key: str) -> DataError:
    """The error for data that were given as an object, and are no longer there.

    Args:
        source: the marker that stands for them in the recipe.
        key: that a file will do for.
    """
    return DataError(
        "the data was an object in memory",
        where=source,
        rule="a recipe cannot hold it",
        remedy=f"give it again from Python, or name a file: {key}=FILE",
    )


def load_splits(
    config: DataConfig, memory: Mapping[str, Any] | None = None, rows: Rows = "labels"
) -> dict[str, Table]:
    """The splits of a recipe: some of train, validation and test, in that order.

    A key that is given wins. Validation and test that are not given are those that the source of
    ``train`` holds itself. ``data.validation`` and ``data.test`` may name a source of several
    splits, which gives the one asked for, or a source of one, which gives that. A list of sources
    or a pattern is read as one split.

    Args:
        config: the recipe's data section. ``train`` may be None, for evaluation only.
        memory: as in ``read_source``.
        rows: what the rows of the task's data are.

    Returns:
        tables with an example a row (see ``hfdl.data.layouts``), and their notes.

    Raises:
        DataError: no key given, a source without the split that is asked of it, or any error of
            ``read_source``.
    """
    keys = {split: getattr(config, split) for split in SPLITS}
    if not any(keys.values()):
        raise DataError(
            "no data",
            rule="one of data.train, data.validation and data.test must be given",
            remedy="for instance data.train=reviews.csv or data.train=hfdl://sentiment",
        )
    reading = Reading.of(config, words=rows == "entities")
    held: dict[str, dict[str, Table]] = {}
    splits: dict[str, Table] = {}
    for split, source in keys.items():
        if not source:
            continue
        if isinstance(source, list) or is_pattern(source):
            splits[split] = _several(source, split, memory, reading)
            continue
        if source not in held:
            held[source] = read_source(source, memory=memory, reading=reading)
        if split == "train":
            splits.update(held[source])
        splits[split] = pick(held[source], split, source)
    splits = in_order(splits)
    if rows == "labels":
        splits = with_label_vectors(splits, config)
    return {split: as_examples(table, config, rows) for split, table in splits.items()}


def _several(
    sources: str | list[str], split: str, memory: Mapping[str, Any] | None, reading: Reading
) -> Table:
    """The split of a list of sources, or of the files that match a pattern."""
    names = expanded(sources)
    tables = [pick(read_source(n, memory=memory, reading=reading), split, n) for n in names]
    if len(tables) == 1:
        return tables[0]
    if isinstance(sources, str):
        return joined(tables, sources).noted(files_note(names))
    more = f", ... ({len(names)} files)" if len(names) > 3 else ""
    return joined(tables, ", ".join(names[:3]) + more)


def nothing_to_train_on(sources: str) -> DataError:
    """The error for a recipe without training data; ``sources`` is what may be named."""
    return DataError(
        "there is nothing to train on",
        where="data.train",
        rule=f"it names {sources}",
        remedy="set data.train=FILE",
    )


def _looks_like_path(source: str) -> bool:
    name = source.partition("@")[0].partition("#")[0]  # of a data set of the Hub
    return (
        name.startswith((".", "/", "~"))
        or "\\" in name
        or name.count("/") > 1
        or Path(name).suffix.lower() in _FILE_SUFFIXES
    )
