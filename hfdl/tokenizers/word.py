"""Words as tokens: the oldest way, and the easiest to read.

Its price: English alone has a million words, each needs a row in the embedding table, and a word
that is not in the training texts is unknown, even "seas" where "sea" is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from hfdl.tokenizers.corpus import check_size, count_words
from hfdl.tokenizers.normalizers import Normalizer
from hfdl.tokenizers.tokenizer import Tokenizer, cutter
from hfdl.tokenizers.vocabulary import Vocabulary, with_unknown


class WordTokenizer(Tokenizer):
    """Each word of the vocabulary is a token, each other one the unknown token.

    Args:
        vocabulary: the words, and the unknown token.
        unknown: the token for all other words.
        normalizer: applied to a text first; None: none.
        pre_tokenizer: how a text is split into words.

    Raises:
        DataError: the unknown token is not in the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        unknown: str = "[UNK]",
        normalizer: Normalizer | None = None,
        pre_tokenizer: str = "words",
    ) -> None:
        super().__init__(vocabulary, normalizer=normalizer, pre_tokenizer=pre_tokenizer)
        vocabulary.id(unknown)
        self.unknown = unknown

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 30_000,
        *,
        min_frequency: int = 0,
        special_tokens: Iterable[str] = ("[UNK]",),
        unknown: str = "[UNK]",
        normalizer: Normalizer | None = None,
        pre_tokenizer: str = "words",
    ) -> Self:
        """The most frequent words of the texts; of equally frequent ones the first by code point.

        Args:
            texts: read once.
            vocab_size: how many tokens there may be, special ones included.
            min_frequency: how often a word must occur.
            special_tokens: their ids are the first.
            unknown: see the class; the first token unless it is among the special tokens.
            normalizer: applied to a text first; None: none.
            pre_tokenizer: how a text is split into words.

        Raises:
            ConfigError: ``vocab_size`` does not hold the special tokens and one word.
            DataError: no word in the texts.
        """
        special = with_unknown(unknown, special_tokens)
        check_size(vocab_size, len(special) + 1, "special tokens and one word are tokens")
        counts = count_words(texts, cutter(normalizer, pre_tokenizer))
        frequent = sorted(
            (word for word, count in counts.items() if count >= min_frequency),
            key=lambda word: (-counts[word], word),
        )
        tokens = list(dict.fromkeys([*special, *frequent]))[:vocab_size]
        return cls(
            Vocabulary(tokens, special), unknown=unknown, normalizer=normalizer,
            pre_tokenizer=pre_tokenizer,
        )  # fmt: skip

    def pieces(self, word: str) -> list[str]:
        return [word if word in self.vocabulary else self.unknown]

    def join(self, tokens: list[str]) -> str:
        """The tokens with spaces between them; the original spacing is lost."""
        return " ".join(tokens)

    def model_json(self) -> dict[str, Any]:
        return {
            "type": "WordLevel", "vocab": {token: i for i, token in enumerate(self.vocabulary)},
            "unk_token": self.unknown,
        }  # fmt: skip

    def decoder_json(self) -> dict[str, Any] | None:
        return None
