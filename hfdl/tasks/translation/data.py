"""Reading translations: pairs of texts from tables, and what becomes of long ones."""

from __future__ import annotations

from hfdl.config.schema import DataConfig
from hfdl.data.checks.pairs import target_column
from hfdl.data.table import Table
from hfdl.errors import ConfigError, DataError
from hfdl.tasks.tables import text_column


def refuse_no_train(config: DataConfig) -> None:
    """Refuse to train without a source of translations.

    Raises:
        DataError: ``data.train`` is not given.
    """
    if config.train is None:
        raise DataError(
            "there is nothing to train on",
            where="data.train",
            rule="no translations come with hfdl: it names a file of yours with a column of "
            f"sources ({config.text!r}, data.text) and one of targets ({config.label!r}, "
            "data.label)",
            remedy="set data.train=FILE",
        )


def pairs(table: Table, config: DataConfig) -> tuple[list[str], list[str]]:
    """Sources and targets.

    Raises:
        DataError: a text is missing.
        ConfigError: several target columns.
    """
    column = target_column(config)
    sources = text_column(table, config.text, "data.text")
    return sources, text_column(table, column, "data.label")


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
            remedy="set data.long_text=truncate or data.long_text=error",
        )
    return data.long_text
