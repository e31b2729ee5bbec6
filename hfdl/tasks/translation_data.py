"""From tables to pairs of texts: what is translated, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.sources import load_splits
from hfdl.data.splits import sample, stratified_split
from hfdl.data.table import Table
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.classification_data import texts


def read_tables(
    config: DataConfig, memory: Mapping[str, Any], seed: int, trains: bool
) -> tuple[dict[str, Table], list[str]]:
    """The raw splits, validation cut from train where none is given, each down to max_samples.

    Returns:
        tables by split name, and what a person should know of how they came about.

    Raises:
        DataError: nothing to train on (``trains``) or nothing to evaluate on.
    """
    if trains and config.train is None:
        raise DataError(
            "there is nothing to train on",
            where="data.train",
            rule="no translations come with hfdl: it names a file of yours with a column of "
            f"sources ({config.text!r}, data.text) and one of targets ({config.label!r}, "
            "data.label)",
            remedy="set data.train=FILE",
        )
    tables, facts = load_splits(config, memory), []
    if trains and "train" not in tables:
        raise DataError(
            "it has no train split", where=str(config.train), rule="data.train needs one"
        )
    if "train" in tables and "validation" not in tables:
        train = tables["train"]
        kept, taken = stratified_split(None, len(train), config.validation_share, seed)
        tables |= {"train": train.select(kept), "validation": train.select(taken)}
        facts.append(
            f"validation: {len(taken)} of {len(train)} rows held out from {train.source} "
            f"(seed {seed}), because no validation split was given"
        )
    if config.max_samples is not None:
        for name, table in tables.items():
            if len(table) > config.max_samples:
                tables[name] = table.select(sample(len(table), config.max_samples, seed))
                facts.append(f"{name}: {config.max_samples} of {len(table)} rows (max_samples)")
    return tables, facts


def pairs(table: Table, config: DataConfig) -> tuple[list[str], list[str]]:
    """Sources and targets.

    Raises:
        DataError: a text is missing.
        ConfigError: several target columns.
    """
    if not isinstance(config.label, str):
        raise ConfigError(
            f"{len(config.label)} target columns",
            where="data.label",
            rule="a source is translated into one target",
            remedy="name one column",
        )
    return texts(table, config.text, "data.text"), texts(table, config.label, "data.label")
