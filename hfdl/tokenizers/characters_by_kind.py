"""Classes of characters: letters, numbers, white space, punctuation, ...

Tokenizers split texts where the class changes. Python's own tests (``str.isspace``, and ``\\w`` of
``re``) differ slightly from those of the library `tokenizers`, which are implemented here, in terms
of Unicode's general category.

Python and the library have Unicode tables of different years, so they may differ on characters that
are newer than the older table. For the letters and numbers of GPT-2 those are the ones that
Python's Unicode does not have yet; for BERT's punctuation, accents and controls the library stays
at Unicode 8.
"""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category

WHITE_SPACE = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's property White_Space. ``str.isspace`` is true of four more, U+001C to U+001F."""

_CIRCLED_LETTERS = ((0x24B6, 0x24E9), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189))

_CHINESE = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F),
)  # fmt: skip
# BERT's own code has 0x2B820 where the library has 0x2B920: 256 rare characters fewer are words.


def is_word_character(char: str) -> bool:
    """``\\w`` of Unicode (UTS 18, annex C): letters, marks, digits, connectors, joiners."""
    group = category(char)
    return (
        group[0] in "LM" or group in ("Nd", "Nl", "Pc")
        or char in "\u200c\u200d" or _within(char, _CIRCLED_LETTERS)
    )  # fmt: skip


def is_punctuation(char: str) -> bool:
    """BERT's: any of Unicode's, and all printable ASCII but letters and digits, such as $."""
    return category(char)[0] == "P" or ("!" <= char <= "~" and not char.isalnum())


def is_control(char: str) -> bool:
    """BERT's: controls, formats and private characters; tab and line ends are white space."""
    return category(char) in ("Cc", "Cf", "Co") and char not in "\t\n\r"


def is_chinese(char: str) -> bool:
    """The ideographs that are words of their own in BERT; Kana and Hangul are not."""
    return _within(char, _CHINESE)


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


class Twins(dict[int, str]):
    """A table for ``str.translate`` that is filled as characters occur.

    A function maps each character; it is called once for each.

        >>> "Aß1".translate(Twins(lambda char: "L" if char.isalpha() else "?"))
        'LL?'

    Args:
        twin: from a character to what replaces it.
    """

    def __init__(self, twin: Callable[[str], str]) -> None:
        super().__init__()
        self._twin = twin

    def __missing__(self, code_point: int) -> str:
        self[code_point] = twin = self._twin(chr(code_point))
        return twin
