"""Characters as tokens: a small vocabulary, hardly any unknown tokens, and long sequences.

A text of 1,000 words has 5,000 characters or more, and attention compares each token with each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from hfdl.tokenizers.corpus import check_size, count_words
from hfdl.tokenizers.normalizers import Normalizer
from hfdl.tokenizers.tokenizer import cutter
from hfdl.tokenizers.vocabulary import Vocabulary, with_unknown
from hfdl.tokenizers.word import WordTokenizer


class CharacterTokenizer(WordTokenizer):
    """Each character is a word of its own: white space, line ends and marks on letters too.

    Args:
        vocabulary: the characters, and the unknown token.
        unknown: the token for all other characters.
        normalizer: applied to a text first; None: none.

    Raises:
        DataError: the unknown token is not in the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        unknown: str = "<unk>",
        normalizer: Normalizer | None = None,
    ) -> None:
        super().__init__(
            vocabulary, unknown=unknown, normalizer=normalizer, pre_tokenizer="characters"
        )

    @classmethod
    def train(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        texts: Iterable[str],
        vocab_size: int | None = None,
        *,
        min_frequency: int = 0,
        special_tokens: Iterable[str] = ("<unk>",),
        unknown: str = "<unk>",
        normalizer: Normalizer | None = None,
    ) -> Self:
        """The characters of the texts, by code point.

        Args:
            texts: read once.
            vocab_size: how many tokens there may be, special ones included: the most frequent
                characters are kept. None: all are.
            min_frequency: how often a character must occur.
            special_tokens: their ids are the first.
            unknown: see the class; the first token unless it is among the special tokens.
            normalizer: applied to a text first; None: none.

        Raises:
            ConfigError: ``vocab_size`` does not hold the special tokens and one character.
            DataError: no character in the texts.
        """
        special = with_unknown(unknown, special_tokens)
        counts = count_words(texts, cutter(normalizer, "characters"))
        kept = sorted(
            (char for char, count in counts.items() if count >= min_frequency),
            key=lambda char: (-counts[char], char),
        )
        if vocab_size is not None:
            check_size(vocab_size, len(special) + 1, "special tokens and one character are tokens")
            kept = kept[: vocab_size - len(special)]
        tokens = dict.fromkeys([*special, *sorted(kept)])
        return cls(Vocabulary(tokens, special), unknown=unknown, normalizer=normalizer)

    def join(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def decoder_json(self) -> dict[str, Any]:
        return {"type": "Fuse"}
