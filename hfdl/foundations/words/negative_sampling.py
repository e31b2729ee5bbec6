"""Negative sampling: a classifier of true context words against words drawn as noise.

    loss = - sum P log sigmoid(H O^T) - sum N log sigmoid(- H O^T)

P counts true pairs, N noise pairs. With one true pair and k noise pairs this is equation 4 of
Mikolov et al. 2013, arXiv:1310.4546. Shapes: R rows, J output words, D the width of a vector.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Floats, Ints
from hfdl.foundations.words.blocks import Block

Gradients = tuple[Floats, Floats]


class NoiseWords:
    """Draws words with probability proportional to count^power.

    0.75 was the best power in section 2.2 of the paper: rare words are drawn more often than they
    occur in the text.

    Args:
        counts: (V,).
        power: 1 draws words in the text's proportions, 0 all with one probability.
    """

    def __init__(self, counts: Ints, power: float = 0.75) -> None:
        if not len(counts) or np.min(counts) < 0 or not np.any(counts):
            raise ConfigError(f"{len(counts)} counts", rule="noise needs a word that occurs")
        weights = np.where(counts > 0, np.power(np.maximum(counts, 1.0), power), 0.0)
        self.probabilities: Floats = weights / weights.sum()
        self._up_to = np.cumsum(self.probabilities)
        self._up_to /= self._up_to[-1]  # ends at 1 exactly, so that no draw falls beyond

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Ints:
        """Word ids of a shape, int32: the index of a uniform number among the running sums."""
        return np.searchsorted(self._up_to, rng.random(shape), side="right").astype(np.int32)


def negative_sampling_loss(
    h: Floats, o: Floats, positive: Floats, negative: Floats
) -> tuple[float, Callable[[], Gradients]]:
    """The loss of all pairs of some rows and output words, a sum and not a mean.

    A sum, because word2vec's learning rate is meant for a single pair.

    Args:
        h: (R, D), what predicts.
        o: (J, D), the vectors of output words.
        positive: (R, J), P: how often each pair was seen.
        negative: (R, J), N: how often each pair stands for noise.

    Returns:
        the loss, and ``backprop() -> (dh, do)``.
    """
    scores = h @ o.T  # (R, J)
    # log(1 + exp(x)) without overflow.
    loss = np.sum(positive * np.logaddexp(0.0, -scores) + negative * np.logaddexp(0.0, scores))
    return float(loss), lambda: negative_sampling_gradients(h, o, positive, negative)


def negative_sampling_gradients(
    h: Floats, o: Floats, positive: Floats, negative: Floats
) -> Gradients:
    """The gradients without the loss, for training: dh (R, D) and do (J, D).

    d/ds of -log sigmoid(s) is sigmoid(s) - 1, and of -log sigmoid(-s) it is sigmoid(s); so
    dS = P (sigmoid(S) - 1) + N sigmoid(S) = (P + N) sigmoid(S) - P.
    """
    ds = h @ o.T  # (R, J)
    np.negative(ds, out=ds)
    np.minimum(ds, 80.0, out=ds)  # exp(80) is no overflow, and 1 / (1 + exp(80)) is 2e-35
    np.exp(ds, out=ds)
    ds += 1.0
    np.reciprocal(ds, out=ds)  # sigmoid(S)
    ds *= positive + negative
    ds -= positive
    return ds @ o, ds.T @ h


def block_loss(u: Floats, o: Floats, block: Block) -> tuple[float, Callable[[], Gradients]]:
    """The loss of a block.

    Args:
        u: (I, D), the vectors of its input words.
        o: (J, D), the vectors of its output words.
        block: the pairs.

    Returns:
        the loss, and ``backprop() -> (du, do)``.
    """
    h = u if block.mean is None else block.mean @ u  # (R, D)
    loss, _ = negative_sampling_loss(h, o, block.positive, block.negative)
    return loss, lambda: block_gradients(u, o, block)


def block_gradients(u: Floats, o: Floats, block: Block) -> Gradients:
    """The gradients of ``block_loss`` alone: du (I, D) and do (J, D)."""
    h = u if block.mean is None else block.mean @ u  # (R, D)
    dh, do = negative_sampling_gradients(h, o, block.positive, block.negative)
    return dh if block.mean is None else block.mean.T @ dh, do
