"""From rows to columns, and the checks that every format shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hfdl.data.table import Table
from hfdl.errors import DataError


def refuse_duplicate_columns(names: Iterable[str], source: str) -> None:
    """Refuse a name that occurs twice, because one column would hide the other.

    Raises:
        DataError: naming the column.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(
                f"column {name!r} occurs twice",
                where=source,
                rule="each column has a name of its own",
                remedy="rename or remove one of them",
            )
        seen.add(name)


def columns_of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Columns of a list of objects, in order of first appearance; an absent key gives None."""
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    return {str(name): [row.get(name) for row in rows] for name in names}


def refuse_empty(table: Table) -> Table:
    """The table itself, if it has a row.

    Raises:
        DataError: no rows, or columns of unequal length.
    """
    sizes = {name: len(values) for name, values in table.columns.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(
            f"columns of unequal length: {', '.join(f'{n} {s}' for n, s in sizes.items())}",
            where=table.source,
            rule="each column has one value a row",
        )
    if len(table) == 0:
        raise DataError(
            "no rows",
            where=table.source,
            rule=f"the columns are: {', '.join(sizes) or 'none'}",
            remedy="is this the right file?",
        )
    return table
