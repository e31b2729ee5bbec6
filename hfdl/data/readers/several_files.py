"""Several files as one split: lists of names, patterns such as data/*.csv, and the joined table."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from hfdl.data.table import Table, counted
from hfdl.errors import DataError
from hfdl.hub.data_names import names_a_split

_SHOWN = 4


def is_pattern(source: str) -> bool:
    """Whether a name stands for several files, and is not itself the name of one."""
    return (
        any(mark in source for mark in "*?[")
        and "://" not in source
        and not names_a_split(source)
        and not Path(source).expanduser().exists()
    )


def expanded(sources: str | Sequence[str]) -> list[str]:
    """The names that a list or a pattern stands for: the list's order, a pattern's files by name
    with numbers by value (``part-2`` before ``part-10``). A plain name is itself.

    Raises:
        DataError: a pattern that no file matches, or a name twice.
    """
    names: list[str] = []
    for source in [sources] if isinstance(sources, str) else sources:
        names += _matching(source) if is_pattern(source) else [source]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            "the file is named twice", where=twice, rule="a row is read once", remedy="name it once"
        )
    return names


def _matching(pattern: str) -> list[str]:
    names = glob.glob(str(Path(pattern).expanduser()), recursive=True)  # noqa: PTH207
    files = sorted((name for name in names if Path(name).is_file()), key=by_number)
    if not files:
        raise DataError(
            "no file matches the pattern",
            where=pattern,
            rule="* stands for any part of a name, ** for folders",
            remedy=f"the path starts from {str(Path.cwd())!r}",
        )
    return files


def by_number(name: str) -> list[tuple[int, str]]:
    """A key that sorts names with their numbers by value."""
    parts = re.split("([0-9]+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def joined(tables: Sequence[Table], source: str) -> Table:
    """The rows of tables one after another.

    Args:
        tables: with the same columns, in any order.
        source: what messages call all of them.

    Raises:
        DataError: a table whose columns, or whose names of labels, are not those of the first.
    """
    first = tables[0]
    for table in tables[1:]:
        _refuse_other(first, table)
    has_lines = all(table.lines is not None for table in tables)
    words = [table.item_lines for table in tables]
    return Table(
        source,
        {name: [v for table in tables for v in table.columns[name]] for name in first.columns},
        lines=[line for table in tables for line in table.lines or ()] if has_lines else None,
        files=[file for table in tables for file in _places(table, has_lines)],
        label_names=first.label_names,
        item_lines=[row for rows in words for row in rows or ()] if all(words) else None,
        notes=tuple(f"{Path(t.source).name}: {note}" for t in tables for note in t.notes),
        advice=next((table.advice for table in tables if table.advice), None),
    )


def files_note(names: Sequence[str]) -> str:
    """The line that says which files a pattern stands for."""
    shown = [Path(name).name for name in names]
    if len(shown) > _SHOWN + 1:
        shown = [*shown[:_SHOWN], "...", shown[-1]]
    return f"{counted(len(names), 'file')} read: {', '.join(shown)}"


def _places(table: Table, has_lines: bool) -> list[str]:
    """The file of each row; with its row, where not all tables have lines."""
    if has_lines or table.files is not None:
        return list(table.files or [table.source] * len(table))
    return [table.where(row) for row in range(len(table))]


def _refuse_other(first: Table, table: Table) -> None:
    missing = [name for name in first.columns if name not in table.columns]
    extra = [name for name in table.columns if name not in first.columns]
    if missing or extra:
        what = [f"no column {', '.join(map(repr, missing))}"] if missing else []
        what += [f"a column {', '.join(map(repr, extra))}"] if extra else []
        raise DataError(
            " and ".join(what),
            where=table.source,
            rule=f"files that are read as one have the same columns; {first.source} has "
            f"{', '.join(first.columns)}",
            remedy="rename the columns, or leave the file out",
        )
    if (first.label_names or {}) != (table.label_names or {}):
        raise DataError(
            "its labels have other names or another order",
            where=table.source,
            rule=f"a number is the same label in all files; {first.source} has "
            f"{first.label_names or 'none'}",
            remedy="leave the file out",
        )
