"""Words of a raw text: the smallest parts that a name may begin or end at.

A word is a run of letters, a run of digits, one character of a script that is written without
blanks between words, or one other character. So ``14ml`` is two words, ``l'Italie`` three,
``王小明`` three, and a span of any of them can be told by words. What the eye sees as one character
stays whole (Unicode Standard Annex 29, grapheme clusters): combining marks, vowel signs, variation
selectors, emoji of several characters, flags.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

LETTERS, CAPITAL, DIGITS, UNSPACED, SYLLABLES, OTHER = "L", "X", "D", "U", "H", "S"
"""Kinds of word: letters, one capital letter, digits, a character of a script without blanks, a
Hangul syllable, and a sign that is not in ASCII. A sign in ASCII is a kind of its own."""

WORDLIKE = frozenset((LETTERS, CAPITAL, DIGITS, UNSPACED, SYLLABLES))

_SCRIPTS = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan",
    "Javanese", "Balinese", "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet",
)  # fmt: skip
"""Scripts without blanks between words (Hangul, which has some, is treated beside them)."""


@lru_cache(1)
def _patterns() -> tuple[Any, Any]:
    import regex  # not at the top: only who splits raw text needs it

    unspaced = "".join(rf"\p{{scx={name}}}" for name in _SCRIPTS)
    blank = r"[\s\x1c-\x1f]"
    letters = rf"(?:(?![{unspaced}\p{{Hangul}}])(?=\p{{L}})\X)+"
    digits = r"(?:(?!.\ufe0f?\u20e3)(?=[\p{Nd}\p{No}])\X)+"  # 20E3 makes a keycap of a digit
    prepended = rf"\p{{GCB=Prepend}}+(?={blank})"  # \X would take the blank to it
    word = regex.compile(rf"{letters}|{digits}|{prepended}|(?!{blank})\X")
    kind = regex.compile(
        rf"(?P<X>\p{{Lu}}\p{{M}}*$)|(?P<D>[\p{{Nd}}\p{{No}}])|(?P<H>\p{{Hangul}})"
        rf"|(?P<U>(?=[\p{{L}}\p{{Nl}}])[{unspaced}])|(?P<L>\p{{L}})"
    )
    return word, kind


def split_words(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word of a raw text, ascending; white space is in none.

    Args:
        text: any text.
    """
    return [match.span() for match in _patterns()[0].finditer(text)]


def kind_of(word: str) -> str:
    """The kind of a word of ``split_words``: what is known of it without reading it."""
    match = _patterns()[1].match(word)
    if match and not word.endswith("\u20e3"):
        return match.lastgroup
    return word if len(word) == 1 and word.isascii() else OTHER


def further_words(word: str) -> list[int]:
    """Where, in a word of training data, further words of raw text begin that nothing can join.

    A text in a script without blanks is cut into characters, since only a dictionary could tell
    its words. Training has to tell the model the tag of each.
    """
    parts = split_words(word)
    kinds = [kind_of(word[start:end]) for start, end in parts]
    return [parts[i][0] for i in range(1, len(parts)) if kinds[i - 1] == kinds[i] == UNSPACED]
