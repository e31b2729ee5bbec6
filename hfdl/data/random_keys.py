"""Random numbers that are pure functions of where they are used.

Every choice about the order or the split of the data comes from these keys: SplitMix64 (Steele,
Lea and Flood 2014, https://doi.org/10.1145/2714064.2660195) used as a counter-based hash. Nothing
has a state, so resuming, workers and the number of processes cannot change a choice.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """What random keys are for: each use has a stream of its own, so that no two correlate."""

    ORDER = 0
    """The order of the training examples."""
    SPLIT = 1
    """Which rows of train become validation."""
    SAMPLE = 2
    """Which rows ``data.max_samples`` keeps."""
    TURN = 3
    """The order of the updates."""
    FOLDS = 4
    """Which fold of a cross-validation a row is validated in."""
    MASK_CHOICE = 16
    """Which words are masked."""
    MASK_FATE = 17
    """Whether such a word becomes a mask, another piece or stays."""
    MASK_PIECE = 18
    """Which other piece."""


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MASK = (1 << 64) - 1


def hash64(*parts: int | np.ndarray) -> np.ndarray:
    """Hash integers, or arrays of them elementwise, to 64 bits.

    ``h <- mix(h + (part + 1) * golden)`` from ``h = 0``: ``hash64(0), hash64(1), ...`` is the
    SplitMix64 sequence of seed 0. For fixed leading parts the last part maps one to one, so no
    two indices collide.

    Args:
        parts: integers, or integer arrays whose shapes broadcast. Negative ones wrap modulo 2**64.

    Returns:
        uint64 of the broadcast shape.
    """
    state = np.zeros((), dtype=np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is intended
        for part in parts:
            state = _mix(state + (_as_uint64(part) + np.uint64(1)) * _GOLDEN)
    return np.asarray(state)


def generator_seed(seed: int, number: int) -> int:
    """A 32-bit seed for another library's generator, such as that of trial ``number`` of a search.

    Two parts are hashed, where the keys of rows have four: none of those is met again.

    Args:
        seed: the study's, not the run's.
        number: what the generator is for.
    """
    return int(hash64(seed, number)) % 2**32


def random_keys(n: int, *, seed: int, stream: int, epoch: int = 0) -> np.ndarray:
    """One random 64-bit key for each of ``n`` rows.

    Each key is a function of (seed, stream, epoch, row) alone: the first keys of a longer array
    are those of a shorter one. Sorting rows by key gives a permutation; ``key / 2**64`` is
    uniform in [0, 1).

    Args:
        n: how many keys.
        seed: the run's seed.
        stream: what the keys are for, a ``Stream``.
        epoch: pass over the data.

    Returns:
        uint64 of shape (n,), no two alike.
    """
    return hash64(seed, stream, epoch, np.arange(n, dtype=np.uint64))


def _as_uint64(part: int | np.ndarray) -> np.ndarray:
    if isinstance(part, np.ndarray):
        return part.astype(np.uint64)
    return np.asarray(int(part) & _MASK, dtype=np.uint64)


def _mix(z: np.ndarray) -> np.ndarray:
    """SplitMix64's finalizer: invertible, and flips each output bit with probability 1/2."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
