"""Byte-pair encoding of words (Sennrich et al. 2016, arXiv:1508.07909).

    "unhappiness" -> un happi ness</w>

Frequent words are one token, rare ones a few pieces, and no word is unknown whose characters are
not. To encode a word, the learned merges are applied to it in the order in which they were learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

from hfdl.errors import DataError
from hfdl.tokenizers.alphabet import Marks, Symbols, spaced
from hfdl.tokenizers.corpus import count_words
from hfdl.tokenizers.learn_merges import apply_merges, learn_merges
from hfdl.tokenizers.normalizers import Normalizer
from hfdl.tokenizers.tokenizer import Tokenizer, cutter
from hfdl.tokenizers.vocabulary import Vocabulary, with_unknown

NO_MARKS, END_OF_WORD = Marks(), Marks(suffix="</w>")


class BPETokenizer(Tokenizer):
    """Words split into pieces by learned merges.

    Args:
        vocabulary: contains every piece that a merge takes or makes.
        merges: in the order in which they are applied.
        unknown: the token for a character that is not in the vocabulary; None: it is left out.
        marks: the marks of pieces inside a word.
        normalizer: applied to a text first; None: none.
        pre_tokenizer: how a text is split into words.

    Raises:
        DataError: a merge takes or makes a piece that is not in the vocabulary, or ``unknown`` is
            not.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        merges: Sequence[tuple[str, str]],
        *,
        unknown: str | None = None,
        marks: Marks = NO_MARKS,
        normalizer: Normalizer | None = None,
        pre_tokenizer: str = "words",
    ) -> None:
        super().__init__(vocabulary, normalizer=normalizer, pre_tokenizer=pre_tokenizer)
        if unknown is not None:
            vocabulary.id(unknown)
        self.unknown = unknown
        self.marks = marks
        self.merges = list(merges)
        for number, (left, right) in enumerate(self.merges, 1):
            for piece in (left, right, marks.merge(left, right)):
                if piece not in vocabulary:
                    raise DataError(
                        f"merge {number} is {left!r} {right!r}, and {piece!r} is no token",
                        where="merges",
                        rule="what a merge takes and makes is in the vocabulary",
                        remedy="take the merges and the vocabulary of one tokenizer",
                    )
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 30_000,
        *,
        min_frequency: int = 0,
        special_tokens: Iterable[str] = (),
        unknown: str | None = "<unk>",
        initial_alphabet: Iterable[str] = (),
        limit_alphabet: int | None = None,
        marks: Marks = END_OF_WORD,
        normalizer: Normalizer | None = None,
        pre_tokenizer: str = "words",
    ) -> Self:
        """A tokenizer learned from texts.

        Args:
            texts: read once.
            vocab_size: how many tokens there may be, special ones and the alphabet included.
            min_frequency: how often a pair must occur to be merged.
            special_tokens: their ids are the first.
            unknown: see the class; the first token unless it is among the special tokens.
            initial_alphabet: see ``Symbols``.
            limit_alphabet: see ``Symbols``.
            marks: the marks of pieces inside a word.
            normalizer: applied to a text first; None: none.
            pre_tokenizer: how a text is split into words.

        Raises:
            ConfigError: ``vocab_size`` does not hold the special tokens and the alphabet.
            DataError: no word in the texts.
        """
        special = with_unknown(unknown, special_tokens)
        counts = count_words(texts, cutter(normalizer, pre_tokenizer))
        symbols = Symbols(
            counts, first=special, marks=marks, initial_alphabet=initial_alphabet,
            limit_alphabet=limit_alphabet,
        )  # fmt: skip
        learned = learn_merges(counts, symbols, vocab_size=vocab_size, min_frequency=min_frequency)
        return cls(
            Vocabulary(learned.tokens, special), learned.merges, unknown=unknown, marks=marks,
            normalizer=normalizer, pre_tokenizer=pre_tokenizer,
        )  # fmt: skip

    def pieces(self, word: str) -> list[str]:
        symbols: list[str] = []
        for _, piece in self.marks.characters(word):
            if piece in self.vocabulary:
                symbols.append(piece)
            elif self.unknown is not None:
                symbols.append(self.unknown)
        return apply_merges(symbols, self._ranks, self.marks)

    def join(self, tokens: list[str]) -> str:
        suffix, prefix = self.marks.suffix, self.marks.prefix
        if suffix:  # it ends a word
            *rest, last = tokens or [""]
            return "".join(token.replace(suffix, " ") for token in rest) + last.replace(suffix, "")
        return "".join(spaced(tokens, prefix)) if prefix else " ".join(tokens)

    def model_json(self) -> dict[str, Any]:
        return {
            "type": "BPE", "dropout": None, "unk_token": self.unknown,
            "continuing_subword_prefix": self.marks.prefix or None,
            "end_of_word_suffix": self.marks.suffix or None, "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(self.vocabulary)},
            "merges": [list(pair) for pair in self.merges],
        }  # fmt: skip

    def decoder_json(self) -> dict[str, Any] | None:
        if self.marks.suffix:
            return {"type": "BPEDecoder", "suffix": self.marks.suffix}
        if self.marks.prefix:
            return {"type": "WordPiece", "prefix": self.marks.prefix, "cleanup": False}
        return None
