"""Names that a person takes for one, by how they look on a screen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
"""A number as labels write it."""

_BLANK = dict.fromkeys(map(ord, "\u2800\u3164\uffa0\u115f\u1160"))  # letters that show nothing
_VARIANTS = dict.fromkeys(range(0xFE00, 0xFE10))  # of emoji: the same sign in text or in colour
_HOMOGLYPHS = str.maketrans(  # Cyrillic and Greek letters that look as Latin ones
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧοΟ", "ABESIJKMHOPCTYXaesijopcyxABEZHIKMNOPTYXoO"
)

_MARKS = re.compile(r"(?<!\d)[\W_]+|[\W_]+(?!\d)")  # not those within 1.5
_SHORTEST = 3  # letters of a known name that may begin another: "no" does not begin "normal"


def shape(text: str) -> str:
    """A text as it shows: composed, nothing invisible, one blank for each run of them."""
    composed = unicodedata.normalize("NFC", text)
    seen = (c for c in composed if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    return " ".join("".join(seen).translate(_BLANK | _VARIANTS).split())


def look(text: str) -> str:
    """The same for all names that a person would take for one.

    Beside what ``shape`` drops, names may differ in case, in full-width and other compatibility
    forms, and in Cyrillic or Greek letters in a Latin word.
    """
    plain = shape(unicodedata.normalize("NFKC", text))
    if any(letter.isascii() and letter.isalpha() for letter in plain):
        plain = plain.translate(_HOMOGLYPHS)
    return plain.casefold()


def meaning(name: str) -> Hashable:
    """What a label probably stands for: a number, or how it looks."""
    seen = look(name)
    return float(seen) if NUMBER.fullmatch(seen) else seen


def twin(name: str, names: Iterable[str]) -> str | None:
    """The first of ``names`` that means the same; None where none does."""
    same = meaning(name)
    return next((other for other in names if meaning(other) == same), None)


def short_form(name: str, names: Iterable[str]) -> str | None:
    """The only one of ``names`` that a name begins, or that begins it; None where several do.

    Case, blanks and punctuation do not count (``neg`` is ``Negative``, ``non-toxic`` is
    ``non_toxic``). Nearness in letters does not either: ``irrelevant`` is near ``relevant``.
    """
    seen = _letters(name)
    written = {other: _letters(other) for other in names}
    found = [other for other, letters in written.items() if letters == seen]
    found = found or [
        other
        for other, letters in written.items()
        if _begins(seen, letters) or (len(letters) >= _SHORTEST and _begins(letters, seen))
    ]
    return found[0] if len(found) == 1 else None


def _letters(name: str) -> str:
    seen = look(name)
    return seen if NUMBER.fullmatch(seen) else _MARKS.sub("", seen)


def _begins(short: str, long: str) -> bool:
    """Whether a text begins another, and not in the middle of a number (1 is not 10)."""
    rest = long[len(short) :]
    return bool(short) and long.startswith(short) and not (short + rest[:1])[-2:].isdigit()
