"""From tables to pairs of texts: what is translated, what it becomes, how long both may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.pairs import target_column
from hfdl.data.table import Table
from hfdl.errors import ConfigError, DataError
from hfdl.tasks import tables
from hfdl.tasks.row_length import row_length
from hfdl.tasks.tables import text_column

LIMIT = 1 << 20
"""Tokens of a text where neither the recipe nor the model has a limit."""


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
    return tables.read_tables(config, memory, seed, trains)


def pairs(table: Table, config: DataConfig) -> tuple[list[str], list[str]]:
    """Sources and targets.

    Raises:
        DataError: a text is missing.
        ConfigError: several target columns.
    """
    column = target_column(config)
    sources = text_column(table, config.text, "data.text")
    return sources, text_column(table, column, "data.label")


def longest(data: DataConfig, tokenizer: Any, config: Any) -> int:
    """Most tokens of a source and of a target: as the recipe says, else all that a model takes.

    Raises:
        ConfigError: the recipe says more than that.
    """
    return row_length(data.max_length, tokenizer, config, default=LIMIT)


def fate_of_long_texts(data: DataConfig) -> str:
    """``truncate`` or ``error``. Without ``max_length`` there are no long texts to speak of.

    Raises:
        ConfigError: the recipe says something else.
    """
    if data.max_length is None or data.long_text is None:
        return "truncate"
    if data.long_text not in ("truncate", "error"):
        raise ConfigError(
            f"a translation cannot be put together from {data.long_text!r}",
            where="data.long_text",
            rule="a text that is too long is shortened or refused",
            remedy="set it to truncate or error, or data.max_length higher",
        )
    return data.long_text
