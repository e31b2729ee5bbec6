"""GloVe: word vectors whose dot products are the logarithms of co-occurrence counts.

    J = sum over i, j of f(X_ij) (w_i . c_j + b_i + e_j - log X_ij)^2

Weighted least squares over the entries X_ij above 0 (Pennington, Socher and Manning 2014,
https://aclanthology.org/D14-1162, equation 8), by AdaGrad. f is small for rare pairs, which are
noisy, and never above 1. The paper's w~ and b~ are c and e here; a word's vector is w + c, as in
the paper's section 4.2. Shapes: V words, D the width of a vector, n entries in a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from hfdl.errors import ConfigError, DataError
from hfdl.foundations.fit import batches
from hfdl.foundations.layer import Floats
from hfdl.foundations.words.adagrad_rows import AdaGradRows
from hfdl.foundations.words.cooccurrence import count_cooccurrences
from hfdl.foundations.words.corpus import read_corpus
from hfdl.foundations.words.vectors import WordVectors, initial_vectors

Gradients = tuple[Floats, Floats]


def train_glove(
    sentences: Iterable[Sequence[str]],
    *,
    size: int = 100,
    window: int = 10,
    min_count: int = 5,
    epochs: int = 15,
    learning_rate: float = 0.05,
    x_max: float = 100.0,
    power: float = 0.75,
    block: int = 1024,
    seed: int = 0,
) -> WordVectors:
    """Learn a vector for each word of a text.

    Args:
        sentences: each a list of words; read once.
        size: numbers in a vector.
        window: the farthest context, in words; it counts 1 / distance.
        min_count: rarer words get no vector, and are dropped from the text.
        epochs: passes over the entries of the co-occurrence table, each in a new order.
        learning_rate: of AdaGrad.
        x_max: the count from which on f is 1.
        power: f(x) = (x / x_max)^power below that.
        block: entries of one update.
        seed: the same seed and text give the same vectors.

    Returns:
        the words, most frequent first, their vectors w + c (V, size) in float32, and counts.

    Raises:
        ConfigError: a setting is out of range.
        DataError: a sentence is a string, no word occurs ``min_count`` times, or no two words are
            near each other.
    """
    for name, value in {"size": size, "window": window, "epochs": epochs, "block": block}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}", rule="it is at least 1")
    for name, value in {"learning_rate": learning_rate, "x_max": x_max}.items():
        if not value > 0.0:
            raise ConfigError(f"{name} is {value}", rule="it is above 0")
    corpus = read_corpus(sentences, min_count=min_count)
    table = count_cooccurrences(corpus, window)
    if not len(table.values):
        raise DataError("no two words are near each other", rule="a sentence has two words or more")
    log_x = np.log(table.values).astype(np.float32)
    weight = importance(table.values, x_max, power).astype(np.float32)
    rng = np.random.default_rng(seed)
    # The last column of each table is the bias.
    w, c = (
        AdaGradRows(initial_vectors(len(corpus.words), size + 1, rng), learning_rate)
        for _ in range(2)
    )
    for _ in range(epochs):
        for entries in batches(rng.permutation(len(log_x)), block):
            rows, columns = table.rows[entries], table.columns[entries]
            _, backprop = glove_loss(
                w.value[rows], c.value[columns], log_x[entries], weight[entries]
            )
            dw, dc = backprop()
            w.step(rows, dw)
            c.step(columns, dc)
    return WordVectors(corpus.words, w.value[:, :-1] + c.value[:, :-1], corpus.counts)


def importance(x: Floats, x_max: float = 100.0, power: float = 0.75) -> Floats:
    """f(X): (x / x_max)^power, at most 1 (equation 9)."""
    return np.minimum(x / x_max, 1.0) ** power


def glove_loss(
    w: Floats, c: Floats, log_x: Floats, weight: Floats
) -> tuple[float, Callable[[], Gradients]]:
    """J over n entries of the table.

    Args:
        w: (n, D + 1), each entry's row word: its vector, then its bias b.
        c: (n, D + 1), each entry's column word: its vector, then its bias e.
        log_x: (n,), log X.
        weight: (n,), f(X).

    Returns:
        the sum, and ``backprop() -> (dw, dc)``. A word that comes twice has two rows: the sum of
        their gradients is the word's.
    """
    vectors = np.einsum("nd,nd->n", w[:, :-1], c[:, :-1])
    difference = vectors + w[:, -1] + c[:, -1] - log_x  # (n,)

    def backprop() -> Gradients:
        slope = (2.0 * weight * difference)[:, None]  # (n, 1)
        dw, dc = slope * c, slope * w
        dw[:, -1:] = dc[:, -1:] = slope
        return dw, dc

    return float(weight @ difference**2), backprop
