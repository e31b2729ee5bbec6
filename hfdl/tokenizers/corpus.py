"""Word counts of the training texts, which are all that training uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hfdl.errors import ConfigError, DataError
from hfdl.tokenizers.pre_tokenizers import PreTokenizer
from hfdl.tokenizers.tokenizer import whole_characters


def count_words(texts: Iterable[str], cut: PreTokenizer) -> Counter[str]:
    """How often each word occurs in the texts.

    Args:
        texts: read once.
        cut: from a text to its words.

    Raises:
        ConfigError: ``texts`` is one text.
        DataError: no word, or half a character (a lone surrogate) in a text.
    """
    if isinstance(texts, str):
        raise ConfigError(
            "texts is one text",
            where="texts",
            rule="several are expected, or each character would be taken for a text",
            remedy="write [text]",
        )
    counts: Counter[str] = Counter()
    for text in texts:
        whole_characters(text)
        counts.update(cut(text))
    if not counts:
        raise DataError(
            "there is no word in the texts",
            where="texts",
            rule="a tokenizer is learned from words",
            remedy="look whether the corpus is empty, or was read already by another loop",
        )
    return counts


def check_size(vocab_size: int, least: int, why: str) -> None:
    """Refuse a vocabulary that is too small.

    Raises:
        ConfigError: it is.
    """
    if vocab_size < least:
        raise ConfigError(
            f"{vocab_size} tokens are too few",
            where="vocab_size",
            rule=f"{why}: {least} at least",
            remedy="raise it",
        )
