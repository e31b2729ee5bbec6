"""FastText: word vectors from the vectors of character n-grams (Bojanowski et al. 2017).

    vectors = train_fasttext(sentences)
    vectors.nearest("unfriendliest")        # not in the text, but its n-grams are

Skip-gram with negative sampling, but the vector that predicts is made of the word's parts z, itself
and its n-grams of 3 to 6 characters (https://arxiv.org/abs/1607.04606):

    u = (z_1 + ... + z_n) / sqrt(n)           dz_i = du / sqrt(n)

The paper divides by nothing. The authors' program, and gensim, divide by n, but give each part all
of du, which is the gradient of neither. With the root, dz is a true gradient, and a step moves u as
far as word2vec's would, however many parts the word has. The factor is one for each word, so it
changes no cosine of given parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hfdl.foundations.words.blocks import Block, skipgram_blocks
from hfdl.foundations.words.corpus import read_corpus
from hfdl.foundations.words.passes import Passes, check_settings
from hfdl.foundations.words.subword_vectors import Parts, SubwordVectors
from hfdl.foundations.words.subwords import Subwords
from hfdl.foundations.words.vectors import initial_vectors
from hfdl.foundations.words.word2vec import update


def train_fasttext(
    sentences: Iterable[Sequence[str]],
    *,
    size: int = 100,
    window: int = 5,
    negative: int = 5,
    min_count: int = 5,
    sample: float = 1e-3,
    epochs: int = 5,
    learning_rate: float = 0.05,
    shortest: int = 3,
    longest: int = 6,
    buckets: int = 2_000_000,
    block: int = 64,
    noise: int = 64,
    seed: int = 0,
) -> SubwordVectors:
    """Learn a vector for each word and each character n-gram of a text.

    Args:
        sentences: each a list of words; read once.
        size, window, negative, min_count, sample, epochs, block, noise, seed: as in
            ``train_word2vec``, with its defaults for skip-gram.
        learning_rate: at the start, for one pair; it falls linearly. fastText's default, twice
            word2vec's.
        shortest, longest, buckets: see ``Subwords``.

    Returns:
        vectors in float32; see ``SubwordVectors``.

    Raises:
        ConfigError: a setting is out of range.
        DataError: a sentence is a string, or no word occurs ``min_count`` times.
    """
    whole = {"size": size, "window": window, "negative": negative, "epochs": epochs}
    check_settings(learning_rate, **whole, block=block, noise=noise)
    subwords = Subwords(shortest, longest, buckets)
    corpus = read_corpus(sentences, min_count=min_count)
    parts = Parts(corpus.words, subwords)
    rng = np.random.default_rng(seed)
    table = initial_vectors(len(parts), size, rng)
    outputs = np.zeros((len(corpus.words), size), np.float32)
    passes = Passes(window, negative, sample, epochs, block, noise)
    for progress, words in passes.blocks(corpus, skipgram_blocks, rng):
        step = np.float32(learning_rate * (1.0 - progress))
        update(table, outputs, of_parts(words, parts), step)
    return SubwordVectors(corpus.words, table, parts, corpus.counts)


def of_parts(block: Block, parts: Parts) -> Block:
    """A block of skip-gram, predicting from the parts of its words instead of the words."""
    rows, shares = parts.shares(block.inputs)
    return replace(block, inputs=rows, mean=shares)
