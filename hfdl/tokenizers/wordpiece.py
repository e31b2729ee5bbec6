"""WordPiece (Wu et al. 2016, arXiv:1609.08144, section 4.1; BERT: Devlin et al. 2019, section 3).

    "unhappiness" -> un ##happi ##ness

BERT's vocabulary was trained by code that was never published. This trains as the library
`tokenizers` does: by merges as in byte-pair encoding, with the mark ``##`` on pieces inside a word.
The merges are then discarded; a word is encoded by taking its longest piece from the left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from hfdl.errors import ConfigError
from hfdl.tokenizers.alphabet import Marks, Symbols, spaced
from hfdl.tokenizers.corpus import count_words
from hfdl.tokenizers.learn_merges import learn_merges
from hfdl.tokenizers.normalizers import BertNormalizer, Normalizer
from hfdl.tokenizers.tokenizer import Tokenizer, cutter
from hfdl.tokenizers.vocabulary import Vocabulary, with_unknown

BERT_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
BERT_NORMALIZER = BertNormalizer()


class WordPieceTokenizer(Tokenizer):
    """Words split into the longest pieces in the vocabulary, from left to right.

    Args:
        vocabulary: pieces, those inside a word with the prefix.
        unknown: the token for a whole word that cannot be split into pieces.
        prefix: the mark of a piece inside a word.
        longest_word: a word of more characters is unknown.
        normalizer: applied to a text first; None: none.
        pre_tokenizer: how a text is split into words.
        cleanup: whether ``decode`` removes the space before punctuation and English endings.

    Raises:
        ConfigError: the unknown token is not in the vocabulary.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        unknown: str = "[UNK]",
        prefix: str = "##",
        longest_word: int = 100,
        normalizer: Normalizer | None = BERT_NORMALIZER,
        pre_tokenizer: str = "bert",
        cleanup: bool = True,
    ) -> None:
        super().__init__(vocabulary, normalizer=normalizer, pre_tokenizer=pre_tokenizer)
        if unknown not in vocabulary:
            raise ConfigError(
                f"the vocabulary has no token {unknown!r}",
                where="unknown",
                rule="a word that cannot be made of pieces becomes it",
                remedy="name the token that the vocabulary has for this",
            )
        self.unknown = unknown
        self.prefix = prefix
        self.longest_word = longest_word
        self.cleanup = cleanup

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 30_000,
        *,
        min_frequency: int = 0,
        special_tokens: Iterable[str] = BERT_SPECIAL,
        first_pieces: Iterable[str] = (),
        unknown: str = "[UNK]",
        prefix: str = "##",
        initial_alphabet: Iterable[str] = (),
        limit_alphabet: int | None = None,
        normalizer: Normalizer | None = BERT_NORMALIZER,
        pre_tokenizer: str = "bert",
    ) -> Self:
        """A tokenizer learned from texts.

        Args:
            texts: read once.
            vocab_size: how many tokens there may be, special ones and the alphabet included.
            min_frequency: how often a pair must occur to be merged.
            special_tokens: their ids are the first.
            first_pieces: pieces, such as ``##a``, whose ids come next.
            unknown: see the class; the first token unless it is among the special tokens.
            prefix: the mark of a piece inside a word.
            initial_alphabet: see ``Symbols``.
            limit_alphabet: see ``Symbols``.
            normalizer: applied to a text first; None: none.
            pre_tokenizer: how a text is split into words.

        Raises:
            ConfigError: ``vocab_size`` does not hold the special tokens and the alphabet.
            DataError: no word in the texts.
        """
        special = with_unknown(unknown, special_tokens)
        counts = count_words(texts, cutter(normalizer, pre_tokenizer))
        symbols = Symbols(
            counts, first=[*special, *first_pieces], marks=Marks(prefix=prefix),
            initial_alphabet=initial_alphabet, limit_alphabet=limit_alphabet,
        )  # fmt: skip
        learned = learn_merges(counts, symbols, vocab_size=vocab_size, min_frequency=min_frequency)
        return cls(
            Vocabulary(learned.tokens, special), unknown=unknown, prefix=prefix,
            normalizer=normalizer, pre_tokenizer=pre_tokenizer,
        )  # fmt: skip

    def pieces(self, word: str) -> list[str]:
        if len(word) > self.longest_word:
            return [self.unknown]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            mark = self.prefix if start else ""
            for end in range(len(word), start, -1):
                if (piece := mark + word[start:end]) in self.vocabulary:
                    break
            else:
                return [self.unknown]
            pieces.append(piece)
            start = end
        return pieces

    def join(self, tokens: list[str]) -> str:
        parts = spaced(tokens, self.prefix)
        return "".join(map(clean_up, parts) if self.cleanup else parts)

    def model_json(self) -> dict[str, Any]:
        return {
            "type": "WordPiece", "unk_token": self.unknown,
            "continuing_subword_prefix": self.prefix,
            "max_input_chars_per_word": self.longest_word,
            "vocab": {token: i for i, token in enumerate(self.vocabulary)},
        }  # fmt: skip

    def decoder_json(self) -> dict[str, Any]:
        return {"type": "WordPiece", "prefix": self.prefix, "cleanup": self.cleanup}


# ---- Removing spaces before punctuation, after tokens were joined with spaces --------------------

_CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
    (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def clean_up(text: str) -> str:
    """``hello , I 'm`` -> ``hello, I'm``, as the library and `transformers` do for BERT."""
    for spaced_mark, mark in _CLEAN_UP:
        text = text.replace(spaced_mark, mark)
    return text
