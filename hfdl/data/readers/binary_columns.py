"""Columns of bytes: texts that a database or Spark wrote as binary, or Python as ``b'...'``."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.data.table import Table, bytes_text, is_blank

BYTES = (bytes, bytearray, memoryview)
_SHOWN = re.compile(r"b'[^\n]*'|b\"[^\n]*\"")  # as Python shows bytes


def with_texts_of_bytes(table: Table) -> Table:
    """Columns of bytes as texts, where all of a column are UTF-8, and a note that says so.

    Other columns of bytes (images) stay, for what reads them to refuse.
    """
    decoded: dict[str, Sequence[Any]] = {}
    for name, cells in table.columns.items():
        if any(map(_has_bytes, cells)):
            try:
                decoded[name] = [_decoded(cell) for cell in cells]
            except UnicodeError:
                continue
    notes = [f"column {name!r} holds bytes, read as UTF-8" for name in decoded]
    return table.with_columns(decoded).noted(*notes) if decoded else table


def with_shown_bytes(table: Table, names: Sequence[str]) -> Table:
    """Columns of which every cell is ``b'...'``, as Python writes bytes, as the texts they are.

    Args:
        table: from a text format.
        names: the columns that are looked at; one that the table lacks is passed over.
    """
    for name in dict.fromkeys(names):
        cells = table.columns.get(name, ())
        if not all(_is_shown(cell) or is_blank(cell) for cell in cells):
            continue
        if not any(map(_is_shown, cells)):
            continue
        try:
            texts = [_of_shown(cell) if _is_shown(cell) else cell for cell in cells]
        except (ValueError, SyntaxError):  # UnicodeError is a ValueError
            continue
        note = f"column {name!r} holds Python's b'...', read as the UTF-8 that it stands for"
        table = table.with_columns({name: texts}).noted(note)
    return table


def _is_shown(cell: Any) -> bool:
    return isinstance(cell, str) and _SHOWN.fullmatch(cell.strip()) is not None


def _of_shown(cell: str) -> str:
    text = bytes_text(ast.literal_eval(cell.strip()))
    if text is None:
        raise ValueError(cell)
    return text


def _has_bytes(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        return any(map(_has_bytes, cell.values()))
    if isinstance(cell, list | tuple):
        return any(map(_has_bytes, cell))
    return isinstance(cell, BYTES)


def _decoded(cell: Any) -> Any:
    if isinstance(cell, Mapping):
        return {key: _decoded(value) for key, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_decoded(value) for value in cell]
    if not isinstance(cell, BYTES):
        return cell
    text = bytes_text(cell)
    if text is None:
        raise UnicodeError
    return text
