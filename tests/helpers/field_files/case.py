"""One awkward file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FieldFile:
    """A file, the recipe's keys for it, and what must come of it.

    Args:
        kind: what is awkward about it, in one or two words: the test's name.
        name: the file's name.
        content: its bytes, or its text in UTF-8.
        columns: columns that must be read exactly.
        lines: the line of each row.
        keys: keys of the recipe's data section.
        rows: what the task reads.
        notes: what a person is told, exactly.
        error: where an error is, behind the file's name, and what its remedy holds.
    """

    kind: str
    name: str
    content: str | bytes
    columns: Mapping[str, Sequence[Any]] | None = None
    lines: Sequence[int] | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    rows: Any = "labels"
    notes: Sequence[str] = ()
    error: tuple[str, str] | None = None
