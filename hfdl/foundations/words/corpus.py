"""A text as word ids, with the counts of words and their subsampling.

corpus = read_corpus([["the", "king"], ["the", "queen", "the"]], min_count=1)
corpus.words     # ["the", "king", "queen"], most frequent first
corpus.ids       # [0, 1, 0, 2, 0], all sentences one after the other
corpus.lengths   # [2, 3]
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from hfdl.errors import ConfigError, DataError
from hfdl.foundations.layer import Floats, Ints


@dataclass(frozen=True)
class Corpus:
    """The words of a text and the sentences made of them. V words, S sentences, N tokens."""

    words: list[str]
    """V of them; the most frequent first, and of equals the one that came first in the text."""

    counts: Ints
    """(V,): how often each occurs."""

    ids: Ints
    """(N,): the tokens of all sentences, without the words that are too rare."""

    lengths: Ints
    """(S,): how many of those tokens each sentence has; 0 is possible."""


def read_corpus(sentences: Iterable[Sequence[str]], *, min_count: int = 5) -> Corpus:
    """Number the words of a text; the sentences are read once, so they may be a generator.

    Args:
        sentences: each a list of words.
        min_count: words that occur less often are dropped as if they were not in the text.

    Raises:
        ConfigError: min_count is below 1.
        DataError: a sentence is a string, or no word is left.
    """
    if min_count < 1:
        raise ConfigError(f"min_count is {min_count}", rule="a word occurs at least once")
    # A word that is not in it yet gets the next number.
    first_seen: defaultdict[str, int] = defaultdict(count().__next__)
    raw, lengths = array("i"), array("i")
    for number, sentence in enumerate(sentences, 1):
        if isinstance(sentence, str):
            raise DataError(
                f"the sentence {sentence[:40]!r} is a string",
                where=f"sentence {number}",
                rule="a sentence is a list of words",
                remedy="split it, for instance with .lower().split()",
            )
        raw.extend([first_seen[word] for word in sentence])
        lengths.append(len(sentence))
    return _frequent(list(first_seen), np.array(raw, np.int32), np.array(lengths), min_count)


def _frequent(words: list[str], raw: Ints, lengths: Ints, min_count: int) -> Corpus:
    """Drop rare words, and number the others by how frequent they are."""
    counts = np.bincount(raw, minlength=len(words))
    order = np.argsort(-counts, kind="stable")
    order = order[: np.count_nonzero(counts >= min_count)]
    if not len(order):
        raise DataError(
            f"none of the {len(words)} words occurs {min_count} times",
            rule="word vectors are learned from words that occur min_count times or more",
            remedy="give more text or a smaller min_count",
        )
    new_id = np.full(len(words), -1, dtype=np.int32)
    new_id[order] = np.arange(len(order))
    ids = new_id[raw]
    stays = ids >= 0
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    return Corpus(
        words=[words[i] for i in order],
        counts=counts[order],
        ids=ids[stays],
        lengths=np.bincount(sentence[stays], minlength=len(lengths)),
    )


def keep_probabilities(counts: Ints, sample: float) -> Floats:
    """How probably each occurrence of a word is kept in one pass over the text.

    With f the word's share of all tokens and t = ``sample``, sqrt(t / f) + t / f, at most 1. That
    is what the authors' program does; the paper (Mikolov et al. 2013, section 2.3, arXiv:1310.4546)
    has sqrt(t / f) alone.

    Args:
        counts: (V,).
        sample: t, the share above which words are thinned out; 0 keeps everything.

    Returns:
        (V,), float64.

    Raises:
        ConfigError: sample is negative.
    """
    if sample < 0:
        raise ConfigError(f"sample is {sample}", rule="it is a share of all tokens, or 0 for none")
    if sample == 0:
        return np.ones(len(counts))
    rarity = sample / (counts / counts.sum())
    return np.minimum(1.0, np.sqrt(rarity) + rarity)


def chunks(corpus: Corpus, tokens: int) -> Iterator[tuple[Ints, Ints]]:
    """The corpus in parts of whole sentences, each about ``tokens`` long or one sentence.

    Yields:
        the ids (n,), and for each token the number of its sentence (n,).
    """
    ends = np.cumsum(corpus.lengths)
    begin = sentence = 0
    while begin < len(corpus.ids):
        # As many sentences as fit, but one at least.
        last = max(int(np.searchsorted(ends, begin + tokens, side="right")), sentence + 1)
        end = int(ends[last - 1])
        number = np.repeat(np.arange(sentence, last), corpus.lengths[sentence:last])
        if end > begin:
            yield corpus.ids[begin:end], number
        begin, sentence = end, last
