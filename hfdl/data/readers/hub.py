"""Reading data sets of the Hugging Face Hub, by names as ``hfdl.hub.data_names`` has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.data.readers.in_memory import table_from_dataset, unread_note
from hfdl.data.readers.split_names import named_splits
from hfdl.data.table import Table
from hfdl.errors import DataError, import_extra, listed, nearest
from hfdl.hub.data_names import DataName
from hfdl.hub.download import is_offline
from hfdl.hub.faults import hub_fault

_PREFLIGHT_SECONDS = 10.0


def read_hub(source: str, *, label: str = "label") -> dict[str, Table]:
    """The train, validation and test splits of a Hub data set.

    MNLI's ``validation_matched`` and ``test_matched`` count as validation and test; other splits
    (``unsupervised``, ``validation_mismatched``) are not read. A split without a single label is
    left out: every value of its ``ClassLabel`` column is -1, as in the test splits of GLUE.

    Args:
        source: a name as ``DataName`` has it. With ``#SPLIT`` that split alone is read, as
            ``train``: ``ID#train[:10%]``, ``ID#validation_mismatched``.
        label: the label column.

    Raises:
        DataError: the id cannot be found, reached or loaded, or it has none of the three splits.
    """
    name = DataName.of(source)
    if name is None:
        raise ValueError(f"not a Hub id: {source!r}")
    loaded = _load(name, source)
    if name.split is not None:
        return {"train": table_from_dataset(loaded, source)}
    names = named_splits(loaded)
    if not names:
        one = replace(name, split=str(next(iter(loaded))))
        raise DataError(
            f"none of its splits ({', '.join(map(str, loaded))}) is train, validation or test",
            where=source,
            remedy=f"name one: {as_override('data.train', str(one))}",
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


def _load(name: DataName, source: str) -> Any:
    datasets = import_datasets()
    given = {"revision": name.revision, "split": name.split}
    options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    refusal = _refusal(name, source)
    try:
        if refusal is None:
            return datasets.load_dataset(name.id, name.config, **options)
        with _offline():  # a set that was downloaded before still loads
            return datasets.load_dataset(name.id, name.config, **options)
    except (ConnectionError, FileNotFoundError) as error:
        # DatasetNotFoundError is a FileNotFoundError.
        if refusal is not None:
            raise refusal from None
        raise _unfound(source, error) from None
    except Exception as error:
        raise _unloaded(name, source, error) from error


def _refusal(name: DataName, source: str) -> DataError | None:
    """Ask the Hub once, and say why it does not give the set; ``load_dataset`` would ask for 23 s.

    Raises:
        DataError: it gives none of that name, whatever was downloaded before.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    revision: dict[str, Any] = {} if name.revision is None else {"revision": name.revision}
    try:
        HfApi().dataset_info(name.id, timeout=_PREFLIGHT_SECONDS, **revision)
    except (GatedRepoError, RevisionNotFoundError) as error:
        raise _as_data_error(error, name, source) or error from None
    except RepositoryNotFoundError:
        raise _not_found(source, "the Hub has no data set of that id, or it is private") from None
    except HfHubHTTPError as error:
        if error.response.status_code == 401:
            raise _not_found(source, "the Hub has none of that id that this token opens") from None
        return _as_data_error(error, name, source)
    except Exception:
        return _not_found(source, None)
    return None


def _as_data_error(error: BaseException, name: DataName, source: str) -> DataError | None:
    """What the Hub or the network refused, in words; None: it was another fault."""
    fault = hub_fault(error, f"datasets/{name.id}")
    if fault is None:
        return None
    return DataError(
        f"cannot be read from the Hub: {fault.problem.replace('repository', 'data set')}",
        where=source,
        rule=fault.rule,
        remedy=fault.remedy,
    )


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
    asked = "is not asked, because HF_HUB_OFFLINE is set" if is_offline() else "cannot be reached"
    reached = reason or f"the Hub {asked}, and the set was not downloaded before"
    return DataError(
        f"no file or folder of that name exists here, and as a Hub id it fails: {reached}",
        where=source,
        remedy="check the path, or the id and the network. hfdl://sentiment needs neither",
    )


def _unfound(source: str, error: Exception) -> DataError:
    if "doesn't contain any data files" in str(error):
        return DataError(
            "the Hub data set has no data files",
            where=source,
            rule="parquet, csv, jsonl and what else datasets reads without code are read",
        )
    return _as_data_error(error, DataName(source), source) or _not_found(source, _first_line(error))


def _unloaded(name: DataName, source: str, error: Exception) -> DataError:
    """What datasets says of configurations, splits and scripts, with what there is to choose."""
    text = str(error)
    if "Config name is missing" in text:
        return _config_missing(name.id, source, text)
    if found := re.search(r"BuilderConfig '?(.+?)'? not found\. Available: (\[.*?\])", text):
        return _none_of(name, source, "config", re.findall(r"'([^']+)'", found[2]))
    if found := re.search(r"Unknown split .*?Should be one of (\[.*?\])", text, re.DOTALL):
        return _none_of(name, source, "split", re.findall(r"'([^']+)'", found[1]))
    if "scripts are no longer supported" in text:
        copy = replace(name, revision="refs/convert/parquet")
        return DataError(
            "the Hub data set is made by a script",
            where=source,
            rule="code of a repository is never run",
            remedy="read the Hub's own copy in parquet, if it has made one: "
            + as_override("data.train", str(copy)),
        )
    return _as_data_error(error, name, source) or DataError(
        f"the Hub data set cannot be loaded: {_first_line(error)}", where=source
    )


def _none_of(name: DataName, source: str, kind: str, choices: list[str]) -> DataError:
    """The configuration or the split that was named is not there."""
    asked = str(name.config if kind == "config" else name.split)
    close = nearest(asked, choices) or next(iter(choices), "NAME")
    one = replace(name, config=close) if kind == "config" else replace(name, split=close)
    return DataError(
        f"it has no {'configuration' if kind == 'config' else 'split'} {asked!r}",
        where=source,
        rule=f"it has {listed(choices, near=asked)}",
        remedy=f"name one: {as_override('data.train', str(one))}",
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
