"""The examples of each update: a pure function of (seed, epoch, example).

No generator has a state here, so a run that resumes needs two integers to know its place, and
neither the number of processes nor of workers can change the order.
"""

from __future__ import annotations

import numpy as np

from hfdl.data.random_keys import Stream, random_keys

# Examples are shuffled, then sorted by length within pools of this many batches: little padding,
# and neighbours still differ from epoch to epoch. The number is that of transformers' sampler.
POOL = 50


def training_batches(
    lengths: np.ndarray, batch_size: int, *, seed: int, epoch: int
) -> list[np.ndarray]:
    """The updates of one epoch; every example stands in exactly one.

    Args:
        lengths: tokens of each example, shape (N,).
        batch_size: examples per update; one update may have fewer.
        seed: the run's seed.
        epoch: counted from 0.

    Returns:
        ceil(N / batch_size) arrays of example numbers, of similar lengths within an array. The
        one with the longest example comes first, so that memory runs out at once or never.
    """
    order = np.argsort(random_keys(len(lengths), seed=seed, stream=Stream.ORDER, epoch=epoch))
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    turn = np.argsort(random_keys(len(batches), seed=seed, stream=Stream.TURN, epoch=epoch))
    batches = [batches[i] for i in turn]
    if batches:
        longest = max(range(len(batches)), key=lambda i: lengths[batches[i]].max())
        batches[0], batches[longest] = batches[longest], batches[0]
    return batches


def micro_batches(
    update: np.ndarray,
    micro_batch_size: int,
    lengths: np.ndarray | None = None,
    tokens: int | None = None,
    *,
    rank: int = 0,
    world: int = 1,
) -> list[np.ndarray]:
    """One process's part of an update, cut into micro-batches.

    Every process gets the same number of micro-batches, because each takes part in every
    exchange of gradients; where examples do not suffice a micro-batch is empty.

    Args:
        update: numbers of the examples.
        micro_batch_size: most examples of a micro-batch.
        lengths: tokens of each example of the split, shape (N,).
        tokens: most tokens of a micro-batch, padding included; a longer example stands alone.
            None: as many as there are.
        rank, world: this process's number, and how many there are.
    """
    parts = [
        _cut(update[process::world], micro_batch_size, lengths, tokens) for process in range(world)
    ]
    count = max(1, *map(len, parts))
    return [*parts[rank], *[update[:0]] * (count - len(parts[rank]))]


def _cut(
    examples: np.ndarray, size: int, lengths: np.ndarray | None, tokens: int | None
) -> list[np.ndarray]:
    """In order, each part as large as it may be."""
    parts, start, longest = [], 0, 0
    for end, example in enumerate(examples):
        longest = max(longest, 0 if lengths is None else int(lengths[example]))
        rows = end - start + 1
        if rows > size or (tokens is not None and rows > 1 and rows * longest > tokens):
            parts.append(examples[start:end])
            start, longest = end, 0 if lengths is None else int(lengths[example])
    return [*parts, examples[start:]] if len(examples) else []
