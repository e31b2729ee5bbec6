"""What kind of character this is: a letter, a number, white space, punctuation, ...

Tokenizers cut texts where the kind changes. Python's own tests (``str.isspace``, and ``\\w`` of
``re``) are near to what tokenizers mean, but not the same: here stands what the library
`tokenizers` means, in terms of Unicode's general category.

Python and the library carry tables of different years, so characters that are newer than the older
of the two may differ. For the letters and numbers of GPT-2 that is what Python's Unicode does not
know yet; for BERT's punctuation, accents and controls the library stays at Unicode 8.
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
# BERT's own code has 0x2B820 where the library has 0x2B920: 256 rare characters are not set apart.


def is_word_character(char: str) -> bool:
    """``\\w`` of Unicode (UTS 18, annex C): letters, marks, digits, connectors, joiners."""
    kind = category(char)
    return (
        kind[0] in "LM" or kind in ("Nd", "Nl", "Pc")
        or char in "\u200c\u200d" or _within(char, _CIRCLED_LETTERS)
    )  # fmt: skip


def is_punctuation(char: str) -> bool:
    """BERT's: any of Unicode's, and all ASCII that is seen and no letter or digit, such as $."""
    return category(char)[0] == "P" or ("!" <= char <= "~" and not char.isalnum())


def is_control(char: str) -> bool:
    """BERT's: controls, formats and private characters; tab and line ends are white space."""
    return category(char) in ("Cc", "Cf", "Co") and char not in "\t\n\r"


def is_chinese(char: str) -> bool:
    """The ideographs that BERT makes words of their own; Kana and Hangul are not among them."""
    return _within(char, _CHINESE)


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


class Twins(dict[int, str]):
    """A table for ``str.translate`` that is worked out as characters come.

    Each character becomes what a function makes of it, and the function is asked once for each.

        >>> "Aß1".translate(Twins(lambda char: "L" if char.isalpha() else "?"))
        'LL?'

    Args:
        twin: from a character to what stands for it.
    """

    def __init__(self, twin: Callable[[str], str]) -> None:
        super().__init__()
        self._twin = twin

    def __missing__(self, code_point: int) -> str:
        self[code_point] = twin = self._twin(chr(code_point))
        return twin
