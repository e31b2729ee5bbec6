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
    update: np.ndarray, micro_batch_size: int, *, rank: int = 0, world: int = 1
) -> list[np.ndarray]:
    """One process's part of an update, cut into micro-batches.

    Every process gets the same number of micro-batches, because each takes part in every
    exchange of gradients; where examples do not suffice a micro-batch is empty.
    """
    mine = update[rank::world]
    largest = -(-len(update) // world)
    count = max(1, -(-largest // micro_batch_size))
    return [mine[i * micro_batch_size : (i + 1) * micro_batch_size] for i in range(count)]
