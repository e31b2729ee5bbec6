"""Normalising texts before they are split: BERT's cleaning, one function per step.

A step may change a text's length, and none can be undone: "Café" and "cafe" are the same to BERT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from unicodedata import category, normalize

from hfdl.tokenizers.characters_by_kind import WHITE_SPACE, Twins, is_chinese, is_control

Normalizer = Callable[[str], str]


def clean_text(text: str) -> str:
    """Without control characters and U+FFFD; every white space is a plain space."""
    return text.translate(_CLEAN)


def space_chinese(text: str) -> str:
    """With a space on each side of Chinese characters, so that each is a word of its own."""
    return text if text.isascii() else text.translate(_SPACED)


def strip_accents(text: str) -> str:
    """Without the marks on letters: decomposed (NFD), é is e and U+0301, which is dropped."""
    return text if text.isascii() else normalize("NFD", text).translate(_BARE)


def lower_case(text: str) -> str:
    """Each character in lower case on its own.

    ``str.lower`` depends on the context: a Greek sigma that ends a word becomes ς. The library's
    does not.
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


@dataclass(frozen=True)
class BertNormalizer:
    """BERT's steps in BERT's order (Devlin et al. 2019; ``BasicTokenizer`` of its code)."""

    clean_text: bool = True
    chinese: bool = True
    """Whether Chinese characters become words of their own."""
    lowercase: bool = True
    strip_accents: bool | None = None
    """None: where ``lowercase`` is set."""

    def __call__(self, text: str) -> str:
        if self.clean_text:
            text = clean_text(text)
        if self.chinese:
            text = space_chinese(text)
        if self.lowercase if self.strip_accents is None else self.strip_accents:
            text = strip_accents(text)
        return lower_case(text) if self.lowercase else text


def _clean(char: str) -> str:
    if char == "\ufffd" or is_control(char):
        return ""
    return " " if char in WHITE_SPACE else char


_CLEAN = Twins(_clean)
_SPACED = Twins(lambda char: f" {char} " if is_chinese(char) else char)
_BARE = Twins(lambda char: "" if category(char) == "Mn" else char)
_LOWER = Twins(str.lower)
