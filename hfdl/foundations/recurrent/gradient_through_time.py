"""The norm of the gradient at each step of the past: vanishing and exploding, measured.

The gradient of the last h by an earlier state is a product of one matrix a step (Pascanu et al.
2013, section 2, https://arxiv.org/abs/1211.5063). In an RNN the norm of such a product shrinks or
grows exponentially. The gradient through an LSTM's memory is a product of forget gates alone.
"""

from __future__ import annotations

import copy

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Floats
from hfdl.foundations.recurrent.bidirectional import Bidirectional, Stacked
from hfdl.foundations.recurrent.recurrence import State, StatefulLayer, ThroughTime


def gradient_through_time(layer: StatefulLayer, X: Floats, *, rng: Rng = 0) -> Floats:
    """The norm of the gradient by the state after each step, from a gradient of 1 at the last h.

    A copy of the layer runs one step at a time, each from the state that the one before left, and
    the gradient goes back from state to state.

    Args:
        layer: an RNN, LSTM or GRU, or several stacked.
        X: (B, T, D).
        rng: of the direction of the gradient at the last h.

    Returns:
        (T,): for each step the norm over all arrays of the state (h, and c), the mean over the
        batch. The last number is 1. A loss at the end sees step t through this factor: where it
        is 0, nothing that stood there can be learned from.

    Raises:
        ConfigError: the layer reads backwards as well, so its past is not on one side.
    """
    if _reads_backwards(layer):
        raise ConfigError(
            "the layer is bidirectional",
            where="gradient_through_time",
            rule="a gradient is followed back through one direction",
            remedy="give the .forwards of a Bidirectional",
        )
    layer = copy.deepcopy(layer)
    B, T, _ = X.shape
    state: State | None = None
    steps: list[ThroughTime] = []
    dY = np.zeros((B, 1, 1))
    for t in range(T):
        dY, state, through_step = layer.run(X[:, t : t + 1], state=state)
        steps.append(through_step)
    dY = generator(rng).standard_normal(dY.shape).astype(dY.dtype)  # (B, 1, H), of the last h
    dY = dY / np.linalg.norm(dY, axis=-1, keepdims=True)
    norms = np.ones(T)
    d_state: State | None = None
    for t in reversed(range(1, T)):
        _, d_state = steps[t](dY, d_state)
        norms[t - 1] = np.mean(np.linalg.norm(np.concatenate(d_state, axis=-1), axis=-1))
        dY = np.zeros_like(dY)
    return norms


def _reads_backwards(layer: StatefulLayer) -> bool:
    if isinstance(layer, Stacked):
        return any(_reads_backwards(part) for part in layer.layers)
    return isinstance(layer, Bidirectional)
