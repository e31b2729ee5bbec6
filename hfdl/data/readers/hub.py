"""Reading data sets of the Hugging Face Hub: ``ORG/NAME``, ``NAME``, either with ``:CONFIG``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hfdl.data.readers.in_memory import table_from_dataset, unread_note
from hfdl.data.readers.split_names import named_splits
from hfdl.data.table import Table
from hfdl.errors import DataError, import_extra, listed

HUB_ID = re.compile(r"(?P<id>[A-Za-z0-9][\w.-]*(/[\w.-]+)?)(:(?P<config>[\w.-]+))?", re.ASCII)
"""What a Hub id looks like, CONFIG included (use ``fullmatch``)."""

_PREFLIGHT_SECONDS = 10.0


def read_hub(source: str, *, label: str = "label") -> dict[str, Table]:
    """The train, validation and test splits of a Hub data set.

    MNLI's ``validation_matched`` and ``test_matched`` count as validation and test; other splits
    (``unsupervised``, ``validation_mismatched``) are not read. A split without a single label is
    left out: every value of its ``ClassLabel`` column is -1, as in the test splits of GLUE.

    Args:
        source: ``ORG/NAME``, ``NAME``, ``ORG/NAME:CONFIG`` or ``NAME:CONFIG``.
        label: the label column.

    Raises:
        DataError: the id cannot be found, reached or loaded, or it has none of the three splits.
    """
    match = HUB_ID.fullmatch(source)
    if match is None:
        raise ValueError(f"not a Hub id: {source!r}")
    loaded = _load(match["id"], match["config"], source)
    names = named_splits(loaded)
    if not names:
        raise DataError(
            f"none of its splits ({', '.join(map(str, loaded))}) is train, validation or test",
            where=source,
            remedy="save the split you want as a file and name that",
        )
    tables = {
        split: table_from_dataset(loaded[name], f"{source} ({name})")
        for split, name in names.items()
    }
    left = [names[split] for split, table in tables.items() if _unlabelled(table, label)]
    kept = {split: table for split, table in tables.items() if names[split] not in left}
    note = unread_note(loaded, [name for name in names.values() if name not in left])
    return {s: t.noted(note) if s == next(iter(kept)) else t for s, t in kept.items()}


def import_datasets() -> Any:
    """The library ``datasets``, which data sets of the Hub and of ``save_to_disk`` need.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_extra("datasets", feature="a data set of the Hub", extra="datasets")


def _unlabelled(table: Table, label: str) -> bool:
    declared = label in (table.label_names or {})
    return declared and all(value == -1 for value in table.columns[label])


def _load(name: str, config: str | None, source: str) -> Any:
    datasets = import_datasets()
    reachable = _is_reachable(name, source)
    try:
        if reachable:
            return datasets.load_dataset(name, config)
        with _offline():  # a set that was downloaded before still loads
            return datasets.load_dataset(name, config)
    except (ConnectionError, FileNotFoundError) as error:
        # DatasetNotFoundError is a FileNotFoundError.
        raise _not_found(source, _first_line(error) if reachable else None) from None
    except Exception as error:
        if "Config name is missing" in str(error):
            raise _config_missing(name, source, str(error)) from None
        raise DataError(
            f"the Hub data set cannot be loaded: {_first_line(error)}", where=source
        ) from error


def _is_reachable(name: str, source: str) -> bool:
    """Ask the Hub once; ``load_dataset`` would retry for 23 seconds."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        HfApi().dataset_info(name, timeout=_PREFLIGHT_SECONDS)
    except RepositoryNotFoundError:
        raise _not_found(source, "the Hub has no data set of that id, or it is private") from None
    except HfHubHTTPError:
        return True  # it answered; load_dataset handles the error
    except Exception:
        return False
    return True


@contextmanager
def _offline() -> Iterator[None]:
    """``HF_HUB_OFFLINE=1`` for a block of code."""
    from huggingface_hub import constants

    datasets = import_datasets()

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _not_found(source: str, reason: str | None) -> DataError:
    reached = reason or "the Hub cannot be reached, and the set was not downloaded before"
    return DataError(
        f"no file or folder of that name exists here, and as a Hub id it fails: {reached}",
        where=source,
        remedy="check the path, or the id and the network. hfdl://sentiment needs neither",
    )


def _config_missing(name: str, source: str, message: str) -> DataError:
    found = re.search(r"available configs: (\[.*?\])", message)
    choices = re.findall(r"'([^']+)'", found[1]) if found else []
    return DataError(
        "the Hub data set has several configurations",
        where=source,
        rule=f"they are: {listed(choices)}" if choices else "one must be named",
        remedy="name one, for instance " + repr(f"{name}:{choices[0] if choices else 'CONFIG'}"),
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
