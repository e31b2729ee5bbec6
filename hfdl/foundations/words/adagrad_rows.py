"""Updates of a few rows of a large table, where a row may be named twice.

``table[ids] -= steps`` keeps only the last step of a row that is named twice; the steps have to be
added up first. ``np.add.at`` does that slowly; here it is done by sorting.
"""

from __future__ import annotations

import numpy as np

from hfdl.foundations.layer import Floats, Ints


def sums_by_key(keys: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Add up the values that have one key.

    Args:
        keys: (n,), whole numbers in any order.
        values: (n, ...), one entry for each key.

    Returns:
        the different keys, ascending, (k,); and their sums, (k, ...).
    """
    if not len(keys):
        return keys, values
    order = np.argsort(keys, kind="stable")
    ascending = keys[order]
    begins = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))
    return ascending[begins], np.add.reduceat(values[order], begins, axis=0)


class AdaGradRows:
    """A table of which each step changes a few rows, by AdaGrad (Duchi et al. 2011, JMLR 12).

    Each number's step is its gradient over the root of the sum of its squared gradients, itself
    included; that sum begins at 1, as in the authors' program.

    Args:
        value: (V, D), changed in place.
        learning_rate: at the beginning.
    """

    def __init__(self, value: Floats, learning_rate: float) -> None:
        self.value = value
        self.learning_rate = learning_rate
        self.squares: Floats = np.ones_like(value)

    def step(self, ids: Ints, gradients: Floats) -> None:
        """Change rows ``ids`` (n,) by gradients (n, D); rows that come twice are summed first."""
        rows, total = sums_by_key(ids, gradients)
        squares = self.squares[rows] + total * total
        self.squares[rows] = squares
        self.value[rows] -= self.value.dtype.type(self.learning_rate) * total / np.sqrt(squares)
