"""Reading Python objects: a Dataset, a DataFrame, a list of dicts, a dict of lists.

None of these libraries is imported here: an object is recognised by its methods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hfdl.data.readers.binary_columns import BYTES, with_texts_of_bytes
from hfdl.data.readers.parquet_files import label_names_of
from hfdl.data.readers.split_names import named_splits
from hfdl.data.table import (
    Table,
    bytes_text,
    columns_of_rows,
    refuse_duplicate_columns,
    refuse_empty,
)
from hfdl.errors import DataError, listed

_KINDS = (
    "data in memory is a datasets.Dataset or DatasetDict, a pandas.DataFrame, a list of dicts, "
    "a dict of lists, or a dict of such things by split"
)


def tables_from_memory(data: Any) -> dict[str, Table]:
    """The splits of an object in memory; one without splits is ``train``.

    Values become plain Python ones (numpy scalars and arrays too), and pandas' NaN, NaT and NA
    become None. ``ClassLabel`` features become ``Table.label_names``.

    Raises:
        DataError: an object of another kind, a column name twice, columns of unequal length, or
            no rows.
    """
    if isinstance(data, Mapping) and data and not any(_is_column(v) for v in data.values()):
        return _splits(data)
    return {"train": _table(data)}


def table_from_dataset(data: Any, source: str) -> Table:
    """A ``datasets.Dataset`` as a table.

    Raises:
        DataError: it has no rows.
    """
    columns = {name: _plain(list(data[name])) for name in data.column_names}
    names = label_names_of(data.features.to_dict())
    return with_texts_of_bytes(refuse_empty(Table(source, columns, label_names=names)))


def _splits(data: Mapping[Any, Any]) -> dict[str, Table]:
    names = named_splits(data)
    if not names:
        raise DataError(
            f"no split among the keys {listed(map(repr, data))}",
            where=f"{type(data).__name__} in memory",
            rule=_KINDS,
            remedy="name the splits train, validation and test",
        )
    tables = {split: _table(data[name], f" ({split})") for split, name in names.items()}
    note = unread_note(data, names.values())
    return {s: t.noted(note) if s == next(iter(tables)) else t for s, t in tables.items()}


def unread_note(splits: Iterable[Any], read: Iterable[Any]) -> str | None:
    """The line about splits of a source that are not read, if there are any."""
    read = list(read)
    others = [str(name) for name in splits if name not in read]
    return f"splits that are not read: {', '.join(others)}" if others else None


def _table(data: Any, suffix: str = "") -> Table:
    if _is_dataset(data):
        return table_from_dataset(data, f"Dataset in memory{suffix}")
    if _is_frame(data):
        return _from_frame(data, f"DataFrame in memory{suffix}")
    if isinstance(data, Mapping):
        source = f"dict of columns in memory{suffix}"
        columns = {_name(name): _plain(list(values)) for name, values in data.items()}
        return with_texts_of_bytes(refuse_empty(Table(source, columns)))
    if isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data):
        rows = [{_name(key): value for key, value in row.items()} for row in data]
        columns = {name: _plain(values) for name, values in columns_of_rows(rows).items()}
        return with_texts_of_bytes(refuse_empty(Table(f"list of rows in memory{suffix}", columns)))
    raise DataError(
        f"cannot make rows of a {type(data).__name__}",
        where=f"data in memory{suffix}",
        rule=_KINDS,
    )


def _from_frame(data: Any, source: str) -> Table:
    names = [_name(name) for name in data.columns]
    refuse_duplicate_columns(names, source)
    columns = {name: _plain(data.iloc[:, i].tolist()) for i, name in enumerate(names)}
    columns = {
        name: [None if _is_missing(value) else value for value in values]
        for name, values in columns.items()
    }
    return with_texts_of_bytes(refuse_empty(Table(source, columns)))


def _name(name: Any) -> str:
    """The name of a column, bytes too."""
    return (bytes_text(name) if isinstance(name, BYTES) else None) or str(name)


def _is_column(value: Any) -> bool:
    """Whether a dict's value is a column, rather than a split: a list of dicts is a split."""
    if _is_dataset(value) or _is_frame(value) or isinstance(value, Mapping):
        return False
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return not all(isinstance(item, Mapping) for item in value)
    return True


def _is_dataset(data: Any) -> bool:
    return hasattr(data, "features") and hasattr(data, "column_names") and hasattr(data, "__len__")


def _is_frame(data: Any) -> bool:
    return hasattr(data, "iloc") and hasattr(data, "columns")


def _plain(values: list[Any]) -> list[Any]:
    """Numpy scalars and arrays as Python numbers and lists, pandas' NA and NaT as None."""
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Any:
    if isinstance(value, memoryview):  # whose tolist gives numbers
        return bytes(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return value.tolist() if hasattr(value, "tolist") else value


def _is_missing(value: Any) -> bool:
    return isinstance(value, float) and value != value
