"""Byte-pair encoding of bytes (GPT-2: Radford et al. 2019, section 2.2).

Every text consists of the 256 bytes: nothing is unknown, and nothing is lost, not even white space.
Bytes are shown as printable characters; a space is ``Ġ``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Self

from hfdl.tokenizers.alphabet import Symbols
from hfdl.tokenizers.bpe import NO_MARKS, BPETokenizer
from hfdl.tokenizers.corpus import count_words
from hfdl.tokenizers.learn_merges import learn_merges
from hfdl.tokenizers.pre_tokenizers import gpt2
from hfdl.tokenizers.vocabulary import Vocabulary


def bytes_to_unicode() -> dict[int, str]:
    """GPT-2's character for each byte.

    A byte that is a printable character in Latin-1 is that character. The other 68, controls and
    spaces, are the characters from U+0100 on, in order.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = (byte for byte in range(256) if byte not in printable)
    shown = {byte: chr(0x100 + i) for i, byte in enumerate(hidden)}
    return {byte: shown.get(byte, chr(byte)) for byte in range(256)}


_CHARACTERS = bytes_to_unicode()
_BYTES = {char: byte for byte, char in _CHARACTERS.items()}


def byte_words(text: str, *, add_prefix_space: bool = False) -> list[str]:
    """GPT-2's words of a text, their bytes as characters: ``it's so`` -> ``it 's Ġso``."""
    if add_prefix_space and not text.startswith(" "):
        text = f" {text}"
    # Latin-1 makes each byte the character of its number, which translate can look up.
    return [w.encode("utf-8").decode("latin-1").translate(_CHARACTERS) for w in gpt2(text)]


class ByteLevelBPETokenizer(BPETokenizer):
    """Bytes split into pieces by learned merges.

    Args:
        vocabulary: as ``BPETokenizer``'s.
        merges: as ``BPETokenizer``'s.
        add_prefix_space: whether a space is put before a text, so that its first word is the same
            token as elsewhere.

    Raises:
        DataError: a merge takes or makes a piece that is not in the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        merges: Sequence[tuple[str, str]],
        *,
        add_prefix_space: bool = False,
    ) -> None:
        super().__init__(vocabulary, merges, pre_tokenizer="gpt2")
        self.add_prefix_space = add_prefix_space

    @classmethod
    def train(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        texts: Iterable[str],
        vocab_size: int = 30_000,
        *,
        min_frequency: int = 0,
        special_tokens: Iterable[str] = ("<|endoftext|>",),
        add_prefix_space: bool = False,
    ) -> Self:
        """A tokenizer learned from texts.

        Args:
            texts: read once.
            vocab_size: how many tokens there may be, special ones and the 256 bytes included.
            min_frequency: how often a pair must occur to be merged.
            special_tokens: their ids are the first.
            add_prefix_space: see the class.

        Raises:
            ConfigError: ``vocab_size`` does not hold the special tokens and the bytes.
            DataError: no word in the texts.
        """
        special = list(special_tokens)
        counts = count_words(texts, partial(byte_words, add_prefix_space=add_prefix_space))
        symbols = Symbols(counts, first=special, marks=NO_MARKS, initial_alphabet=_BYTES)
        learned = learn_merges(counts, symbols, vocab_size=vocab_size, min_frequency=min_frequency)
        return cls(
            Vocabulary(learned.tokens, special), learned.merges, add_prefix_space=add_prefix_space
        )

    def words(self, text: str) -> list[str]:
        return byte_words(text, add_prefix_space=self.add_prefix_space) if text else []

    def join(self, tokens: list[str]) -> str:
        """The text of the tokens' bytes; bytes that are no character (UTF-8) become U+FFFD."""
        special = set(self.vocabulary.special)
        parts = (
            token.encode("utf-8") if token in special else bytes(_BYTES[char] for char in token)
            for token in tokens
        )
        return b"".join(parts).decode("utf-8", errors="replace")

    def pre_tokenizer_json(self) -> dict[str, Any]:
        return {
            "type": "ByteLevel", "add_prefix_space": self.add_prefix_space, "trim_offsets": True,
            "use_regex": True,
        }  # fmt: skip

    def decoder_json(self) -> dict[str, Any]:
        # The library's decoder ignores these three; it always writes them like this.
        return {
            "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True,
        }  # fmt: skip
