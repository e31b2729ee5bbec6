"""word2vec: word vectors learned from the words around each word, by CBOW or skip-gram.

    vectors = train_word2vec(sentences, model="skipgram", size=100, epochs=5)
    vectors.nearest("king")

Skip-gram predicts each context word from the centre word, CBOW the centre word from the mean of
its context (Mikolov et al. 2013, arXiv:1301.3781). Both learn by negative sampling, leave out a
share of frequent words and draw each window's reach (arXiv:1310.4546). ``pairs`` lists the pairs of
words, ``blocks`` counts those of one update, ``negative_sampling`` has the loss.

Two differences from word2vec's own program and gensim. Noise words are shared by a block of
tokens. And CBOW's gradient is the mean's: each context word gets its share, where these programs
give each of them the whole (Irsoy et al. 2021, arXiv:2012.15332); CBOW's learning rate is
therefore higher here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from hfdl.errors import ConfigError, did_you_mean
from hfdl.foundations.layer import Floats
from hfdl.foundations.words.blocks import Block, cbow_blocks, skipgram_blocks
from hfdl.foundations.words.corpus import read_corpus
from hfdl.foundations.words.negative_sampling import block_gradients
from hfdl.foundations.words.passes import Passes, check_settings
from hfdl.foundations.words.vectors import WordVectors, initial_vectors

Model = Literal["skipgram", "cbow"]

BLOCKS = {"skipgram": skipgram_blocks, "cbow": cbow_blocks}
RATES = {"skipgram": 0.025, "cbow": 0.1}
NOISE = {"skipgram": 64, "cbow": 16}  # a token makes some 6 pairs in skip-gram, 1 in CBOW


def train_word2vec(
    sentences: Iterable[Sequence[str]],
    *,
    model: Model = "skipgram",
    size: int = 100,
    window: int = 5,
    negative: int = 5,
    min_count: int = 5,
    sample: float = 1e-3,
    epochs: int = 5,
    learning_rate: float | None = None,
    block: int = 64,
    noise: int | None = None,
    seed: int = 0,
) -> WordVectors:
    """Learn a vector for each word of a text.

    Args:
        sentences: each a list of words; read once.
        model: ``"skipgram"`` or ``"cbow"``.
        size: numbers in a vector.
        window: the farthest context, in words; each token's reach is drawn from 1 to this.
        negative: noise words for each pair.
        min_count: rarer words get no vector, and are dropped from the text.
        sample: words of a larger share of the text than this are thinned out; 0: none.
        epochs: passes over the text.
        learning_rate: at the start, for one pair; it falls linearly. None: 0.025 for skip-gram,
            0.1 for CBOW.
        block: tokens of one update; at most as many as there are words, because an update adds up
            what each word learns in a block.
        noise: noise words drawn for one block, each with the weight negative / noise. None: 64
            for skip-gram, 16 for CBOW.
        seed: the same seed and text give the same vectors.

    Returns:
        the words, most frequent first, their vectors (V, size) in float32, and counts.

    Raises:
        ConfigError: a setting is out of range.
        DataError: a sentence is a string, or no word occurs ``min_count`` times.
    """
    if model not in BLOCKS:
        raise ConfigError(f"the model {model!r}", remedy=did_you_mean(str(model), BLOCKS))
    rate = RATES[model] if learning_rate is None else learning_rate
    noise = NOISE[model] if noise is None else noise
    check_settings(
        rate, size=size, window=window, negative=negative, epochs=epochs, block=block, noise=noise
    )
    corpus = read_corpus(sentences, min_count=min_count)
    rng = np.random.default_rng(seed)
    inputs = initial_vectors(len(corpus.words), size, rng)
    outputs = np.zeros_like(inputs)
    passes = Passes(window, negative, sample, epochs, block, noise)
    for progress, part in passes.blocks(corpus, BLOCKS[model], rng):
        update(inputs, outputs, part, np.float32(rate * (1.0 - progress)))
    return WordVectors(corpus.words, inputs, corpus.counts)


def update(inputs: Floats, outputs: Floats, block: Block, step: float | np.floating[Any]) -> None:
    """One step of gradient descent on both tables (V, D), in place."""
    u, o = inputs.take(block.inputs, axis=0), outputs.take(block.outputs, axis=0)
    du, do = block_gradients(u, o, block)
    # The ids of a block are different from each other, so plain assignment loses nothing.
    du *= step
    do *= step
    inputs[block.inputs] = np.subtract(u, du, out=u)
    outputs[block.outputs] = np.subtract(o, do, out=o)
