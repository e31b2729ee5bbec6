"""Blocks of text as matrices: true pairs and noise pairs of words, counted.

Word by word, word2vec touches a few vectors per pair: memory is read all the time, and little is
computed. Here the pairs of a block of some 64 tokens are counted in a matrix over the *different*
words of the block, and one set of noise words serves the whole block. The scores of all pairs are
then one matrix product, their gradients two, and no word comes twice in an update, so that nothing
has to be summed (after Ji et al. 2016, section III, arXiv:1604.04661, who share the noise among
the pairs of one window).

Shapes: I different input words, J different output words, R rows: one per input word (skip-gram)
or per token (CBOW).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hfdl.foundations.layer import Floats, Ints


@dataclass(frozen=True)
class Block:
    """The pairs of one update."""

    inputs: Ints
    """(I,): different word ids, rows of the input table."""

    outputs: Ints
    """(J,): different word ids, rows of the output table."""

    mean: Floats | None
    """(R, I): row r predicts from the mean of these inputs; None: from input r itself."""

    positive: Floats
    """(R, J): how many true pairs each row and output make."""

    negative: Floats
    """(R, J): how many noise pairs, which may be fractions."""


def skipgram_blocks(
    ids: Ints, centre: Ints, context: Ints, noise: Ints, *, block: int, window: int, negative: int
) -> Iterator[Block]:
    """Blocks in which each centre word predicts each of its context words.

    Args:
        ids: (n,), the words of a piece of text.
        centre, context: (P,), positions of its pairs, at most ``window`` apart.
        noise: (n / block rounded up, M): M noise words for each block.
        block: tokens of one block.
        window: the longest reach, in words.
        negative: how many noise words each pair counts for.

    Yields:
        one block for each ``block`` tokens, float32.
    """
    tokens, around, number, column = _cut(ids, centre, context, block, window)
    inputs, sizes, row = different(tokens)
    outputs, widths, column_of = different(np.concatenate([around, noise], axis=1))
    shape = (len(tokens), block, outputs.shape[1])
    seen = _count((number, row.ravel()[centre], column_of[number, column]), shape)
    unseen = _noise_pairs(seen, column_of[:, -noise.shape[1] :], negative)
    for k, (i, j) in enumerate(zip(sizes, widths, strict=True)):
        yield Block(inputs[k, :i], outputs[k, :j], None, seen[k, :i, :j], unseen[k, :i, :j])


def cbow_blocks(
    ids: Ints, centre: Ints, context: Ints, noise: Ints, *, block: int, window: int, negative: int
) -> Iterator[Block]:
    """Blocks in which the mean of a token's context words predicts the token.

    Args and yields: as ``skipgram_blocks``.
    """
    tokens, around, number, column = _cut(ids, centre, context, block, window)
    inputs, sizes, row = different(around)
    outputs, widths, column_of = different(np.concatenate([tokens, noise], axis=1))
    contexts = np.bincount(centre, minlength=tokens.size)  # how many each token has
    share = 1.0 / np.maximum(contexts, 1)
    shape = (len(tokens), block, inputs.shape[1])
    mean = _count((number, centre % block, row[number, column]), shape, share[centre])
    shape = (len(tokens), block, outputs.shape[1])
    at = np.flatnonzero(contexts)  # a token without context is not predicted
    seen = _count((at // block, at % block, column_of[at // block, at % block]), shape)
    unseen = _noise_pairs(seen, column_of[:, -noise.shape[1] :], negative)
    for k, (i, j) in enumerate(zip(sizes, widths, strict=True)):
        use = mean[k, :, :i]
        yield Block(inputs[k, :i], outputs[k, :j], use, seen[k, :, :j], unseen[k, :, :j])


def different(table: Ints) -> tuple[Ints, Ints, Ints]:
    """The different numbers in each row of a table.

    Args:
        table: (n, m).

    Returns:
        values (n, m): each row's different numbers in ascending order, then fill;
        sizes (n,): how many they are; index (n, m): where in values each entry of the table is.
    """
    order = np.argsort(table, axis=1)
    ascending = np.take_along_axis(table, order, axis=1)
    rank = np.zeros(table.shape, dtype=np.int64)
    np.cumsum(ascending[:, 1:] != ascending[:, :-1], axis=1, out=rank[:, 1:])
    values, index = np.zeros_like(table), np.empty_like(rank)
    np.put_along_axis(values, rank, ascending, axis=1)
    np.put_along_axis(index, order, rank, axis=1)
    return values, rank[:, -1] + 1, index


def _cut(
    ids: Ints, centre: Ints, context: Ints, block: int, window: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """The text in K blocks, and where each pair is in them.

    Returns:
        tokens (K, block); the same with ``window`` more on both sides (K, block + 2 * window);
        each pair's block (P,), and its context's column in the wider table (P,).
    """
    filled = np.pad(ids, (0, -len(ids) % block))  # fill is word 0: it is in no pair
    around = sliding_window_view(np.pad(filled, window), block + 2 * window)[::block]
    number = centre // block
    return filled.reshape(-1, block), around, number, context - number * block + window


def _count(index: tuple[Ints, ...], shape: tuple[int, ...], weight: Floats | None = None) -> Floats:
    """How often each index comes, or the sum of its weights: of ``shape``, float32."""
    flat = np.ravel_multi_index(index, shape)
    counts = np.bincount(flat, weights=weight, minlength=int(np.prod(shape)))
    return counts.astype(np.float32).reshape(shape)


def _noise_pairs(seen: Floats, drawn: Ints, negative: int) -> Floats:
    """How many noise pairs each row and output make, (K, R, J).

    Each true pair counts ``negative`` noise words, shared out among the M that were drawn. A noise
    word that is the true word of a pair is left out for that pair, as the authors do.

    Args:
        seen: (K, R, J), true pairs.
        drawn: (K, M), the output that each noise word is.
        negative: noise words for each pair.
    """
    blocks, words = map(int, drawn.shape)
    number = np.repeat(np.arange(blocks), words)
    weight = _count((number, drawn.ravel()), (blocks, seen.shape[2])) * np.float32(negative / words)
    others = seen.sum(axis=2, keepdims=True) - seen  # the row's pairs with other true words
    others *= weight[:, None, :]
    return others
