"""Numbers with marks that Python does not read: decimal commas, marks between thousands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_BLANKS = " \u00a0\u2009\u202f"
_LIKE_ONE = re.compile(rf"[+-]?[0-9][0-9.,'\u2019{_BLANKS}]*")
_PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]+")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


class Marks(NamedTuple):
    """How numbers are written.

    Args:
        thousands: what may stand between groups of three digits, as a set of characters.
        decimal: what stands before the fraction.
        words: what a message calls it.
    """

    thousands: str
    decimal: str
    words: str

    def fit(self, text: str) -> bool:
        """Whether a text is a number in this writing."""
        mark = f"[{self.thousands}]"
        whole = rf"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
        return re.fullmatch(rf"[+-]?{whole}(?:{self.decimal}[0-9]+)?", text.strip()) is not None

    def plain(self, text: str) -> str:
        """The number as Python reads it."""
        without = re.sub(f"[{self.thousands}]", "", text.strip())
        return re.sub(self.decimal, ".", without)

    def called(self, text: str) -> str:
        """What a message calls the marks of a text."""
        has_dots = self.decimal == "," and "." in text and "," not in text
        return "dots between thousands" if has_dots else self.words

    def shown(self, text: str) -> str:
        """The number, and what is read."""
        return f"{self.plain(text)} ({self.called(text)})"


_WRITINGS = (
    Marks(",", r"\.", "commas between thousands"),
    Marks(r"\.", ",", "a decimal comma"),
    Marks(f"{_BLANKS}'\u2019", r"\.", "marks between thousands"),
    Marks(_BLANKS, ",", "a decimal comma"),
)


def writings(texts: Iterable[str]) -> list[Marks]:
    """The writings in which all of some texts are numbers; none where all are plain already.

    Several where the texts may be meant in several ways: ``1,000``.
    """
    texts = [bare for text in texts if (bare := text.strip())]
    if all(map(_PLAIN.fullmatch, texts)) or not all(map(_LIKE_ONE.fullmatch, texts)):
        return []
    found: dict[str, Marks] = {}
    for marks in _WRITINGS:
        if all(map(marks.fit, texts)):
            found.setdefault(" ".join(map(marks.plain, texts)), marks)
    return list(found.values())


def doubt(names: Sequence[str]) -> str | None:
    """The line about labels that are such numbers, each of them a class; None for others."""
    found = writings(names)
    marked = [name for name in names if not _PLAIN.fullmatch(name.strip())]
    if found:
        words, way = _told(found, marked[0])
    elif marked and all(map(_COMMA.fullmatch, marked)) and all(map(_LIKE_ONE.fullmatch, names)):
        # some fractions stand behind a comma, others behind a dot
        words, way = "a decimal comma", f"a regression reads {marked[0].replace(',', '.')}"
    else:
        return None
    if all(map(_COMMA.fullmatch, marked)):
        way += "; of several labels in a cell: data.label_separator=','"
    shown = ", ".join(map(repr, marked[:3]))
    return f"labels look like numbers with {words}, and each is a class of its own: {shown}; {way}"


def _told(found: Sequence[Marks], example: str) -> tuple[str, str]:
    """What the marks are called, and what to do about them."""
    if len(found) == 1:
        way = f"a regression reads {found[0].plain(example)}: data.problem_type=regression"
        return found[0].called(example), way
    ways = " or ".join(marks.shown(example) for marks in found)
    return "marks of two readings", f"{example!r} may be {ways}: write them as one of these"
