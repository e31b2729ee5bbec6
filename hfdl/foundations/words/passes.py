"""Passes over a text: every update's block of pairs, from the first to the last.

Word2vec and FastText go over a text in the same way: frequent words are thinned out anew in each
pass, each window's reach is drawn, noise words are drawn for each block (Mikolov et al. 2013,
arXiv:1310.4546).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.words.blocks import Block
from hfdl.foundations.words.corpus import Corpus, chunks, keep_probabilities
from hfdl.foundations.words.negative_sampling import NoiseWords
from hfdl.foundations.words.pairs import draw_reaches, pairs, spans

CHUNK = 8_192
"""Tokens whose pairs are made at once: their matrices (tokens x 140) stay in the cache."""


@dataclass(frozen=True)
class Passes:
    """How a text is gone over.

    Args:
        window: the farthest context, in words.
        negative: noise words for each pair.
        sample: words of a larger share of the text than this are thinned out; 0: none.
        epochs: how many passes.
        block: tokens of one update.
        noise: noise words drawn for one block.
    """

    window: int
    negative: int
    sample: float
    epochs: int
    block: int
    noise: int

    def blocks(
        self, corpus: Corpus, make: Callable[..., Iterator[Block]], rng: np.random.Generator
    ) -> Iterator[tuple[float, Block]]:
        """Every block of every pass, each with the share of the training that is done before it.

        Args:
            corpus: the text.
            make: ``skipgram_blocks`` or ``cbow_blocks``.
            rng: draws what is left out, the reaches and the noise.
        """
        keep = keep_probabilities(corpus.counts, self.sample)
        words = NoiseWords(corpus.counts)
        # An update adds up what each word learns in its block, so it is no longer than V tokens.
        block = min(self.block, len(corpus.words))
        done, total = 0, self.epochs * len(corpus.ids)
        for _ in range(self.epochs):
            for ids, sentence in chunks(corpus, CHUNK):
                kept = rng.random(len(ids)) < keep[ids]
                left, of = ids[kept], sentence[kept]
                centre, context = pairs(*spans(of, draw_reaches(len(left), self.window, rng)))
                drawn = words.draw((-(-len(left) // block), self.noise), rng)
                if len(centre):
                    for part in make(
                        left, centre, context, drawn,
                        block=block, window=self.window, negative=self.negative,
                    ):  # fmt: skip
                        yield done / total, part
                done += len(ids)


def check_settings(learning_rate: float, **whole: int) -> None:
    """Refuse what cannot be trained with.

    Raises:
        ConfigError: a whole number is below 1, or the learning rate is not above 0.
    """
    for name, value in whole.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}", rule="it is at least 1")
    if not learning_rate > 0.0:
        raise ConfigError(f"learning_rate is {learning_rate}", rule="it is above 0")
