"""How a piece shows where in its word it stands.

BERT marks what continues a word: ``un ##happi ##ness``. Sennrich et al. (2016) mark what ends one:
``un happi ness</w>``. Without a mark, "er" in "error" and in "water" would be one piece.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """The marks of a tokenizer; either may be empty."""

    prefix: str = ""
    """Before every piece but the first of a word."""
    suffix: str = ""
    """Behind the last piece of a word."""

    def characters(self, word: str) -> list[tuple[str, str]]:
        """Each character with its marked piece: ``ab`` -> ``(a, a) (b, ##b)``."""
        last = len(word) - 1
        return [
            (char, (self.prefix if i else "") + char + (self.suffix if i == last else ""))
            for i, char in enumerate(word)
        ]

    def merge(self, left: str, right: str) -> str:
        """Two neighbours as one piece: ``##b`` and ``##c`` are ``##bc``."""
        return left + right.removeprefix(self.prefix)


def spaced(tokens: list[str], prefix: str) -> list[str]:
    """Tokens as they stand in a text: a space before each that begins a word, but the first."""
    return tokens[:1] + [
        token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
        for token in tokens[1:]
    ]
