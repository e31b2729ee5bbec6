"""The base class of the tokenizers: from a text to ids, and back.

    text --normalizer--> text --pre-tokenizer--> words --pieces--> tokens --vocabulary--> ids

Tokenizers differ in ``pieces``, and in how a vocabulary is learned (``train``).
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers.normalizers import BertNormalizer, Normalizer
from hfdl.tokenizers.pre_tokenizers import GPT2_PATTERN, PreTokenizer, pre_tokenizer_of
from hfdl.tokenizers.vocabulary import Vocabulary

_REMEMBERED = 50_000
"""Words whose pieces are kept. Most words of a text have occurred before."""


class Tokenizer(ABC):
    """The base class of all tokenizers.

    Args:
        vocabulary: tokens and ids.
        normalizer: applied to a text first; None: none.
        pre_tokenizer: how a text is split into words, a name in ``PRE_TOKENIZERS``.

    Raises:
        ConfigError: no such pre-tokenizer.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, normalizer: Normalizer | None, pre_tokenizer: str
    ) -> None:
        self.vocabulary = vocabulary
        self.normalizer = normalizer
        self.pre_tokenizer = pre_tokenizer
        self._cut = cutter(normalizer, pre_tokenizer)
        # The longest first: of two special tokens with the same beginning the longer one matches.
        longest = sorted(vocabulary.special, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, longest)) or "(?!)")
        self._pieces: dict[str, list[str]] = {}

    def encode(self, text: str) -> list[int]:
        """The ids of a text. No special tokens are added (no ``[CLS]``)."""
        return [self.vocabulary.id(token) for token in self.tokenize(text)]

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text. A special token that is written in the text is one token.

        Raises:
            DataError: the text holds half a character (a lone surrogate).
        """
        whole_characters(text)
        tokens: list[str] = []
        position = 0
        for match in self._special.finditer(text):
            tokens += self._tokens(text[position : match.start()])
            tokens.append(match.group())
            position = match.end()
        return tokens + self._tokens(text[position:])

    def words(self, text: str) -> list[str]:
        """The words of a text, normalised; each is split into pieces by itself."""
        return self._cut(text)

    @abstractmethod
    def pieces(self, word: str) -> list[str]:
        """The tokens of one word."""

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> str:
        """The text of ids, as far as the tokenizer keeps it.

        Args:
            ids: from ``encode``, or from a model.
            skip_special: whether special tokens are left out.

        Raises:
            DataError: an id is not in the vocabulary.
        """
        tokens = [self.vocabulary.token(i) for i in ids]
        if skip_special:
            tokens = [token for token in tokens if token not in self.vocabulary.special]
        return self.join(tokens)

    @abstractmethod
    def join(self, tokens: list[str]) -> str:
        """A text made of tokens."""

    def save(self, path: str | Path) -> None:
        """Write a ``tokenizer.json``, which ``tokenizers.Tokenizer.from_file`` opens.

        Raises:
            ConfigError: see ``tokenizer_json``.
        """
        text = json.dumps(tokenizer_json(self), ensure_ascii=False, indent=2, allow_nan=False)
        Path(path).write_text(text, encoding="utf-8", newline="\n")

    def pre_tokenizer_json(self) -> dict[str, Any]:
        """``pre_tokenizer`` of the ``tokenizer.json``."""
        return PRE_TOKENIZERS_JSON[self.pre_tokenizer]

    @abstractmethod
    def model_json(self) -> dict[str, Any]:
        """``model`` of the ``tokenizer.json``."""

    @abstractmethod
    def decoder_json(self) -> dict[str, Any] | None:
        """``decoder`` of the ``tokenizer.json``: what ``join`` does."""

    def _tokens(self, text: str) -> list[str]:
        tokens: list[str] = []
        for word in self.words(text):
            pieces = self._pieces.get(word)
            if pieces is None:
                pieces = self.pieces(word)
                if len(self._pieces) < _REMEMBERED:
                    self._pieces[word] = pieces
            tokens += pieces
        return tokens

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vocabulary!r})"


def cutter(normalizer: Normalizer | None, pre_tokenizer: str) -> PreTokenizer:
    """A function that splits a text into normalised words.

    Raises:
        ConfigError: no such pre-tokenizer.
    """
    cut = pre_tokenizer_of(pre_tokenizer)
    return cut if normalizer is None else partial(_cut_normalised, cut, normalizer)


def _cut_normalised(cut: PreTokenizer, normalizer: Normalizer, text: str) -> list[str]:
    return cut(normalizer(text))


def whole_characters(text: str) -> None:
    """Refuse half characters: they have no bytes in UTF-8 and fit in no file.

    Raises:
        DataError: a lone surrogate.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"half a character, U+{ord(text[error.start]):04X}, at position {error.start}",
            where="text",
            rule="surrogates come in pairs and are one character in Python",
            remedy="read the text with the encoding that it was written in",
        ) from None


# ---- ``tokenizer.json``: the file in which `tokenizers` and `transformers` keep a tokenizer ------
# ``model`` has the vocabulary and how words are split into pieces; the other entries are the steps
# before and after. Every step of hfdl exists in the library, so ids are the same there.

PRE_TOKENIZERS_JSON: dict[str, dict[str, Any]] = {
    "whitespace": {"type": "WhitespaceSplit"},
    "words": {"type": "Whitespace"},
    "bert": {"type": "BertPreTokenizer"},
    "gpt2": {"type": "Split", "pattern": {"Regex": GPT2_PATTERN}, "behavior": "Isolated",
             "invert": False},
    "characters": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated",
                   "invert": False},
}  # fmt: skip
"""Pre-tokenizers by hfdl's names, as the library writes them."""


def tokenizer_json(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of a ``tokenizer.json``.

    Raises:
        ConfigError: the tokenizer's normalizer is a function that the file has no name for.
    """
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": tokenizer.vocabulary.id(token), "content": token, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": False, "special": True,
            }
            for token in tokenizer.vocabulary.special
        ],
        "normalizer": _normalizer_json(tokenizer.normalizer),
        "pre_tokenizer": tokenizer.pre_tokenizer_json(),
        "post_processor": None,
        "decoder": tokenizer.decoder_json(),
        "model": tokenizer.model_json(),
    }  # fmt: skip


def _normalizer_json(normalizer: object) -> dict[str, Any] | None:
    if normalizer is None:
        return None
    if not isinstance(normalizer, BertNormalizer):
        raise ConfigError(
            f"the normalizer {normalizer!r} cannot be written",
            where="tokenizer.json",
            rule="a file names steps that other programs know; those of BertNormalizer are known",
            remedy="use a BertNormalizer, or normalise texts before they are tokenized",
        )
    return {
        "type": "BertNormalizer", "clean_text": normalizer.clean_text,
        "handle_chinese_chars": normalizer.chinese, "strip_accents": normalizer.strip_accents,
        "lowercase": normalizer.lowercase,
    }  # fmt: skip
