"""The examples of each update: a pure function of (seed, epoch, example).

No generator has a state here, so a run that resumes needs two integers to know its place, and
neither the number of processes nor of workers can change the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hfdl.data.arrays import ComputedArray, chunks
from hfdl.data.random_keys import Stream
from hfdl.data.random_order import random_order

# Examples are shuffled, then sorted by length within pools of this many batches: little padding,
# and neighbours still differ from epoch to epoch. The number is that of transformers' sampler.
POOL = 50
_KEPT = 1000  # pools: all of them up to a million and a half of examples, in updates of 32


class TrainingBatches(Sequence[np.ndarray]):
    """The updates of one epoch; every example stands in exactly one.

    ceil(N / batch_size) arrays of example numbers, of similar lengths within an array. The one with
    the longest example comes first, so that memory runs out at once or never. They are made where
    they are asked for: of some millions of examples no order is kept (``random_order``).

    Args:
        lengths: tokens of each example, shape (N,).
        batch_size: examples per update; one update may have fewer.
        seed: the run's seed.
        epoch: counted from 0.
    """

    def __init__(
        self, lengths: np.ndarray | ComputedArray, batch_size: int, *, seed: int, epoch: int
    ) -> None:
        self._lengths, self._size = lengths, batch_size
        count = -(-len(lengths) // batch_size)
        self._order = random_order(len(lengths), seed=seed, stream=Stream.ORDER, epoch=epoch)
        self._turn = random_order(count, seed=seed, stream=Stream.TURN, epoch=epoch)
        self._pools = lru_cache(_KEPT)(self._pool)
        self._longest = self._first_of_the_longest()

    def __len__(self) -> int:
        return len(self._turn)

    def __getitem__(self, number: Any) -> Any:
        """The examples of an update; an array of int64."""
        number = range(len(self))[number]  # negative ones, and the refusal of those too large
        swapped = {0: self._longest, self._longest: 0}
        pool, place = divmod(int(self._turn[swapped.get(number, number)]), POOL)
        return self._pools(pool)[place * self._size : (place + 1) * self._size]

    def _pool(self, number: int) -> np.ndarray:
        """The examples of ``POOL`` updates, the longest first."""
        size = POOL * self._size
        pool = self._order[number * size : (number + 1) * size]
        return pool[np.argsort(-self._lengths[pool], kind="stable")]

    def _first_of_the_longest(self) -> int:
        """The first update, in turn, that has an example of the greatest length."""
        pools = range(-(-len(self) // POOL))
        # The first of an update is its longest.
        heads = [self._lengths[self._pools(pool)[:: self._size]] for pool in pools]
        longest = np.concatenate([*heads, np.zeros(0, dtype=np.int64)])  # (updates,), not in turn
        holds = longest == longest.max(initial=0)
        begin = 0
        for turn in chunks(self._turn):
            if (found := np.flatnonzero(holds[turn])).size:
                return begin + int(found[0])
            begin += len(turn)
        return 0


def micro_batches(
    update: np.ndarray,
    micro_batch_size: int,
    lengths: np.ndarray | ComputedArray | None = None,
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
    examples: np.ndarray, size: int, lengths: np.ndarray | ComputedArray | None, tokens: int | None
) -> list[np.ndarray]:
    """In order, each part as large as it may be."""
    own = [0] * len(examples) if lengths is None else lengths[examples].tolist()
    parts, start, longest = [], 0, 0
    for end, length in enumerate(own):
        longest = max(longest, length)
        rows = end - start + 1
        if rows > size or (tokens is not None and rows > 1 and rows * longest > tokens):
            parts.append(examples[start:end])
            start, longest = end, length
    return [*parts, examples[start:]] if len(examples) else []
