"""Random orders that are pure functions of where they are used, of any length."""

from __future__ import annotations

import math

import numpy as np

from hfdl.data.arrays import ComputedArray
from hfdl.data.random_keys import hash64, random_keys

SORTED = 1 << 20
"""Most rows whose order is sorted and kept, at 8 bytes a row; that of more is computed."""
_ROUNDS = 4  # Luby and Rackoff 1988: a permutation that cannot be told from a random one


def random_order(n: int, *, seed: int, stream: int, epoch: int = 0) -> np.ndarray | ComputedArray:
    """The numbers from 0 to ``n - 1`` in a random order, int64 of shape (n,).

    Args:
        n: how many. Up to ``SORTED`` rows are sorted by their ``random_keys``; the order of more
            is a ``Permutation``, whose memory does not grow with ``n``.
        seed: the run's seed.
        stream: what the order is for, a ``Stream``.
        epoch: pass over the data.
    """
    if n <= SORTED:
        return np.argsort(random_keys(n, seed=seed, stream=stream, epoch=epoch))
    return ComputedArray(n, Permutation(n, seed, stream, epoch))


class Permutation:
    """A random permutation of 0 to ``n - 1``, each element computed by itself.

    A Feistel network on pairs of numbers below ``a``, the root of ``n`` rounded up, maps them one
    to one, whatever its round function is; here that is ``hash64``, modulo ``a``. What falls
    outside the range is mapped again until it falls inside, which keeps the map one to one (Black
    and Rogaway 2002, "Ciphers with Arbitrary Finite Domains"); few do, for ``a ** 2`` is hardly
    greater than ``n``.

    Args:
        n: at least 1.
        keys: what the permutation is a function of, such as seed, stream and epoch.
    """

    def __init__(self, n: int, *keys: int) -> None:
        self.n = n
        self._keys = [np.uint64(hash64(*keys, turn)) for turn in range(_ROUNDS)]
        self._root = math.isqrt(n - 1) + 1

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The elements at some places, int64 of the same shape."""
        found = self._mixed(np.asarray(places, dtype=np.int64).reshape(-1))
        while (outside := np.flatnonzero(found >= self.n)).size:
            found[outside] = self._mixed(found[outside])
        return found.reshape(np.shape(places))

    def _mixed(self, numbers: np.ndarray) -> np.ndarray:
        left, right = np.divmod(numbers, self._root)
        for key in self._keys:
            keyed = hash64(right.astype(np.uint64) ^ key) % np.uint64(self._root)
            left, right = right, (left + keyed.astype(np.int64)) % self._root
        return left * self._root + right
