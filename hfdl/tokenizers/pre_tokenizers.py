"""Splitting texts into words, before words are split into pieces. No piece crosses a word's end.

Patterns such as GPT-2's need Unicode's letters, which Python's ``re`` does not have. So each text
gets a twin of the same length, in which every character is an ASCII one of its class (any letter
beyond ASCII an ``a``); the twin is matched, and the text is split where its twin is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import category

from hfdl.errors import ConfigError, did_you_mean
from hfdl.tokenizers.characters_by_kind import (
    WHITE_SPACE,
    Twins,
    is_punctuation,
    is_word_character,
)

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""As it was published. ``\\\\p{L}`` are Unicode's letters, ``\\\\p{N}`` its numbers."""

PreTokenizer = Callable[[str], list[str]]
"""From a text to its words, in their order."""


def whitespace(text: str) -> list[str]:
    """Split at white space, which is dropped: ``"it's  so"`` -> ``it's so``."""
    return _cut(text, _BY_SPACE, _NO_SPACE)


def words(text: str) -> list[str]:
    """Runs of word characters, and runs of all others but white space: ``it ' s so``."""
    return _cut(text, _BY_WORD, _WORDS)


def bert(text: str) -> list[str]:
    """As ``whitespace``, and each punctuation mark is a word: ``"so..."`` -> ``so . . .``."""
    return _cut(text, _BY_PUNCTUATION, _BERT)


def gpt2(text: str) -> list[str]:
    """GPT-2's pattern (Radford et al. 2019, section 2.2). Nothing is dropped.

    English endings after an apostrophe, else letters, or numbers, or other signs, each with one
    space before them; and white space, but for the last space before a word, which belongs to it.
    """
    return _cut(text, _BY_LETTER, _GPT2)


def characters(text: str) -> list[str]:
    """Every character, white space too."""
    return list(text)


PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    "whitespace": whitespace, "words": words, "bert": bert, "gpt2": gpt2, "characters": characters,
}  # fmt: skip
"""Pre-tokenizers by name."""


def pre_tokenizer_of(name: str) -> PreTokenizer:
    """A pre-tokenizer by its name.

    Raises:
        ConfigError: no such name.
    """
    if name not in PRE_TOKENIZERS:
        raise ConfigError(
            f"no pre-tokenizer {name!r}",
            where="pre_tokenizer",
            rule=f"there are {', '.join(PRE_TOKENIZERS)}",
            remedy=did_you_mean(name, PRE_TOKENIZERS),
        )
    return PRE_TOKENIZERS[name]


def _cut(text: str, twins: Twins, pattern: re.Pattern[str]) -> list[str]:
    return [text[m.start() : m.end()] for m in pattern.finditer(text.translate(twins))]


def _by_space(char: str) -> str:
    return " " if char in WHITE_SPACE else "a"


def _by_word(char: str) -> str:
    return "a" if is_word_character(char) else " " if char in WHITE_SPACE else "!"


def _by_punctuation(char: str) -> str:
    return "!" if is_punctuation(char) else _by_space(char)


def _by_letter(char: str) -> str:
    if char.isascii():  # the space, the apostrophe and the letters behind it stay themselves
        return char
    group = category(char)[0]
    return "a" if group == "L" else "0" if group == "N" else "\n" if char in WHITE_SPACE else "!"


_BY_SPACE, _BY_WORD = Twins(_by_space), Twins(_by_word)
_BY_PUNCTUATION, _BY_LETTER = Twins(_by_punctuation), Twins(_by_letter)
_NO_SPACE, _WORDS, _BERT = re.compile("a+"), re.compile("a+|!+"), re.compile("a+|!")
_GPT2 = re.compile(
    GPT2_PATTERN.replace(r"[^\s\p{L}\p{N}]", r"[^\sA-Za-z0-9]")
    .replace(r"\p{L}", "[A-Za-z]").replace(r"\p{N}", "[0-9]"),
    re.ASCII,
)  # fmt: skip
