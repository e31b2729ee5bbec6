"""All arrays of a network by name, to save them and to restore them.

Besides parameters these are arrays that are collected and not learned, such as the running averages
of batch normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.layer import Layer, arrays_of


def state_of(network: Layer) -> dict[str, np.ndarray]:
    """Copies of every parameter's value and of every other array, by name.

    ``numpy.savez(path, **state_of(network))`` saves them.
    """
    return {name: getattr(owner, field).copy() for name, owner, field in arrays_of(network)}


def restore(network: Layer, state: Mapping[str, np.ndarray]) -> None:
    """Restore a state from ``state_of``, into the same network or one of the same layers.

    Raises:
        DataError: a name is missing or there is one too many.
        ShapeError: an array has another shape.
    """
    arrays = list(arrays_of(network))
    names = {name for name, _, _ in arrays}
    if strange := names.symmetric_difference(state):
        name = min(strange)
        problem = "is missing" if name in names else "is not in the network"
        raise DataError(f"{name} {problem}", rule="state and network have the same arrays")
    for name, owner, field in arrays:
        array = getattr(owner, field)
        if array.shape != state[name].shape:
            raise ShapeError(
                f"{name} is {state[name].shape}", rule=f"in the network it is {array.shape}"
            )
    for name, owner, field in arrays:
        getattr(owner, field)[...] = state[name]
