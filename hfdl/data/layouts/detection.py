"""Whether a source holds named entities, told from its content alone."""

from __future__ import annotations

from pathlib import Path

from hfdl.config.schema import DataConfig
from hfdl.data.readers.embedded import SCHEME
from hfdl.data.readers.several_files import is_pattern
from hfdl.data.readers.sources import load_splits
from hfdl.data.table import Table
from hfdl.errors import DataError


def holds_entities(source: str) -> bool:
    """Whether the rows of a local or embedded source are words with tags, or texts with spans.

    False where it cannot be read; whoever reads it next says why.
    """
    is_local = Path(source).expanduser().exists() or is_pattern(source)
    if not is_local and not source.startswith(SCHEME):
        return False  # a Hub id: loaded once, by whoever reads it
    try:
        tables = load_splits(DataConfig(train=source), rows="entities")
    except DataError:
        return False
    return any(map(_has_entities, tables.values()))


def _has_entities(table: Table) -> bool:
    if table.item_lines is not None:
        return True
    config = DataConfig()
    has_tags = config.tokens in table.columns and config.tags in table.columns
    return has_tags or config.spans in table.columns
