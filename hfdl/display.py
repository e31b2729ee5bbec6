"""How results show themselves: a few lines in a terminal, a small table in a notebook."""

from __future__ import annotations

import html
import textwrap
from abc import abstractmethod
from typing import Any

WIDTH = 80
LINES = 9
"""Most lines of a repr, its title included."""


class Shown:
    """A result with a short repr; a subclass says what is worth a row."""

    @abstractmethod
    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        """A title, and names with values."""

    def __repr__(self) -> str:
        title, rows = self.shown()
        names = [_clean(name) for name, _ in rows]
        column = max(map(len, names), default=0)
        lines = [_cut(_clean(title), WIDTH)]
        for name, (_, value) in zip(names, rows, strict=True):
            lines += textwrap.wrap(
                _clean(value), WIDTH, initial_indent=f"  {name:<{column}}  ",
                subsequent_indent=" " * (column + 4), break_on_hyphens=False, max_lines=2,
                placeholder=" ...",
            ) or [f"  {name}"]  # fmt: skip
        if len(lines) > LINES:
            lines = [*lines[: LINES - 1], f"  ... {len(lines) - LINES + 1} lines more"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks; whatever is in it is escaped."""
        title, rows = self.shown()
        cells = "".join(
            f'<tr><th style="text-align:left">{html.escape(str(name))}</th>'
            f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
            for name, value in rows
        )
        return f"<table><caption>{html.escape(title)}</caption><tbody>{cells}</tbody></table>"


def number(value: Any) -> str:
    """A figure with four decimals; anything else as it is."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _clean(value: Any) -> str:
    """On one line, without what could steer a terminal."""
    text = " ".join(str(value).split(" "))
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
