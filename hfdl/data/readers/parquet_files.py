"""Reading parquet, with the label names that a Hugging Face data set writes into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hfdl.data.readers.binary_columns import with_texts_of_bytes
from hfdl.data.table import Table, refuse_duplicate_columns, refuse_empty
from hfdl.errors import DataError, import_extra


def import_arrow() -> tuple[Any, Any]:
    """``pyarrow`` and ``pyarrow.parquet``, which only parquet files need.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    return (
        import_extra("pyarrow", feature="a parquet file", extra="datasets"),
        import_extra("pyarrow.parquet", feature="a parquet file", extra="datasets"),
    )


def read_parquet(data: bytes, source: str) -> Table:
    """All columns of a parquet file; null is None.

    Raises:
        DataError: not a parquet file, a column name twice, or no rows.
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = import_arrow()
    try:
        # ParquetFile, not read_table: that one drags in pyarrow.dataset (0.3 s).
        content = pq.ParquetFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError) as error:
        raise unreadable(error, source) from None
    refuse_duplicate_columns(content.column_names, source)
    names = label_names_of(_declared_features(content.schema.metadata or {}))
    table = refuse_empty(Table(source, content.to_pydict(), label_names=names))
    return with_texts_of_bytes(table)


def unreadable(error: Exception, source: str) -> DataError:
    """The error for a file that pyarrow cannot read."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"not a readable parquet file: {reason}",
        where=source,
        remedy="is it complete? Download or write it again",
    )


def label_names_of(features: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """Names of integer labels by column, from features as ``datasets`` writes them to JSON.

    From ``ClassLabel`` and lists of it; None where there is neither.
    """
    names: dict[str, list[str]] = {}
    for column, feature in features.items():
        inner = feature.get("feature", feature) if isinstance(feature, Mapping) else {}
        if isinstance(inner, Mapping) and inner.get("_type") == "ClassLabel":
            names[column] = [str(name) for name in inner["names"]]
    return names or None


def _declared_features(metadata: Mapping[bytes, bytes]) -> Mapping[str, Any]:
    try:
        return json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
