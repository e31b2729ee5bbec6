"""``hfdl data check`` for sources and their translations: texts on both sides, and no labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hfdl.config.schema import DataConfig
from hfdl.data.checks.report import DataReport, duplicate_warnings
from hfdl.data.checks.texts import Reading, check_texts, rows_with_texts
from hfdl.data.table import Table, notes_of
from hfdl.errors import ConfigError


def target_column(config: DataConfig) -> str:
    """The column of the targets.

    Raises:
        ConfigError: there are several.
    """
    if not isinstance(config.label, str):
        raise ConfigError(
            f"{len(config.label)} target columns",
            where="data.label",
            rule="a source is translated into one target",
            remedy="name one column",
        )
    return config.label


def check_pairs(
    tables: Mapping[str, Table],
    config: DataConfig,
    tokenizer: Any = None,
    max_length: int | None = None,
) -> DataReport:
    """Examine the splits of a translation without training.

    Duplicates and overlaps are of sources alone: two of them may well have the same target.

    Args:
        tables: splits by name, as ``load_splits`` returns them.
        config: the recipe's data section: columns, what becomes of long texts.
        tokenizer: a Hugging Face tokenizer; None: no token lengths.
        max_length: longest source and longest target in tokens; None: no limit.

    Returns:
        the report. A wrong row or column is a line of ``problems``, never an exception.

    Raises:
        ConfigError: several target columns.
    """
    reads = (config.long_text or "truncate", "raise data.max_length", tokenizer, max_length)
    sources = check_texts(
        tables, Reading({"data.text": config.text}, *reads, name="{split}, sources")
    )
    problems: list[str] = []
    targets = check_texts(
        rows_with_texts(tables, config, "pairs", problems),
        Reading(
            {"data.label": target_column(config)}, *reads, name="{split}, targets", left_out=False
        ),
    )
    return DataReport(
        splits=sources.splits,
        overlaps=sources.overlaps,
        warnings=[*sources.warnings, *targets.warnings, *duplicate_warnings(sources)],
        problems=[*problems, *sources.problems, *targets.problems],
        targets=targets.splits,
        notes=notes_of(tables),
    )
