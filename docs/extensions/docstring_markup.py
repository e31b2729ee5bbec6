"""Read docstrings as plain text: formulas stay formulas, ``*`` and ``|`` stay themselves."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

_LITERAL = re.compile(r"(``.+?``)")
_BULLET = re.compile(r"^ *\* ")
_MARKUP = re.compile(r"(?<!\*)\*(?!\*)|\|")


def as_plain_text(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Change a docstring in place, before its sections are read."""
    literal = False
    for at, line in enumerate(lines):
        indented = line.startswith("    ")
        opens = line.rstrip().endswith(":") and not line.endswith("::") and not indented
        if opens and lines[at + 1 : at + 2] == [""] and _indented(lines[at + 2 : at + 3]):
            lines[at], literal = f"{line.rstrip()}:", True  # a block of formulas or code
        elif line and not indented:
            literal = False
        if not (literal and indented):
            bullet = _BULLET.match(lines[at])
            begin = bullet.end() if bullet else 0
            parts = _LITERAL.split(lines[at][begin:])
            lines[at] = lines[at][:begin] + "".join(map(_escaped, parts))


def _indented(lines: list[str]) -> bool:
    return bool(lines) and lines[0].startswith("    ")


def _escaped(part: str) -> str:
    return part if part.startswith("``") else _MARKUP.sub(lambda mark: f"\\{mark[0]}", part)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx, before napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", as_plain_text, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
