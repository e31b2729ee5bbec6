"""Make tokens readable: byte-level letters decoded, spaces and invisible characters shown."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import Any

SPACE = "\u2423"  # open box, the sign for a space that should be seen
_SENTENCEPIECE_SPACE = "\u2581"
_CARRIER = "\u25cc"  # dotted circle, which carries an accent that stands alone


def readable_tokens(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    """One string for each id, on one line and without invisible characters.

    A space is shown as an open box: GPT-2's byte-level tokens and SentencePiece each have their
    own letter for it. Bytes that are only part of a character are shown as ``\\xf0``.
    """
    pieces = tokenizer.convert_ids_to_tokens(list(ids))
    is_bytes = _is_byte_level(tokenizer)
    return tuple(_visible(_from_bytes(piece) if is_bytes else piece) for piece in pieces)


def _is_byte_level(tokenizer: Any) -> bool:
    decoder = getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", None)
    return "ByteLevel" in repr(decoder)


def _from_bytes(piece: str) -> str:
    letters = _byte_letters()
    if not all(letter in letters for letter in piece):
        return piece  # an added token, which is kept as plain text
    return bytes(letters[letter] for letter in piece).decode("utf-8", "backslashreplace")


@functools.cache
def _byte_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for.

    Printable Latin-1 characters stand for themselves; the other bytes, in order, for U+0100 on.
    Radford et al., 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}


def _visible(piece: str) -> str:
    text = piece.replace(_SENTENCEPIECE_SPACE, SPACE).replace(" ", SPACE)
    if text and unicodedata.category(text[0]).startswith("M"):
        text = _CARRIER + text
    return "".join(c if c.isprintable() else _escape(c) for c in text) or "(empty)"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
