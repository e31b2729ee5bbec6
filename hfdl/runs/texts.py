"""Text for a terminal: widths in cells, folding, cutting, durations, and nothing that steers it."""

from __future__ import annotations

import re
import unicodedata

GAP = "  "
"""Between parts of a line that belong apart: ``accuracy 0.85  loss 0.36``."""


def format_seconds(seconds: float) -> str:
    """A duration: ``42 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clean(text: str) -> str:
    """The text with everything that could steer a terminal replaced by its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cells(text: str) -> int:
    """Columns of a terminal that a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


def cut(text: str, width: int) -> str:
    """The text, cut to so many columns; what was cut ends in ``...``."""
    if cells(text) <= width:
        return text
    kept = _head(text, max(0, width - 3)).rstrip()
    return f"{kept}..."[: max(0, width)]


def fold(text: str, width: int, indent: str = "  ") -> list[str]:
    """A line as lines of at most so many columns.

    It is broken between its parts where it has parts (two blanks apart), else between words; a word
    that is too long by itself is broken anywhere.

    Args:
        text: without line breaks.
        width: in columns.
        indent: in front of every line but the first.
    """
    if cells(text) <= width:
        return [text]
    lines = [""]
    for gap, part in _parts(text, width - len(indent)):
        joined = f"{lines[-1]}{gap}{part}" if lines[-1].strip() else f"{lines[-1]}{part}"
        if cells(joined) <= width or not lines[-1].strip():
            lines[-1] = joined
        else:
            lines.append(f"{indent}{part}")
    return lines


def _parts(text: str, width: int) -> list[tuple[str, str]]:
    """Pieces of at most so many columns, each with the blanks in front of it."""
    found: list[tuple[str, str]] = []
    for gap, part in re.findall(r"( {2,}|^)(.*?)(?= {2,}|$)", text):
        for number, word in enumerate([part] if cells(part) <= width else part.split(" ")):
            before = " " if number else gap
            while cells(word) > width:
                head = _head(word, width)
                found.append((before, head))
                word, before = word[len(head) :], ""
            found.append((before, word))
    return found


def _head(text: str, width: int) -> str:
    taken = 0
    for i, character in enumerate(text):
        taken += _cells_of(character)
        if taken > width:
            return text[:i] or (text[:1] if width > 0 else "")
    return text


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
