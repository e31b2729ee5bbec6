"""Dropout: in training, each number is set to zero with probability p.

A unit that cannot rely on its neighbours has to be useful by itself (Srivastava et al. 2014,
https://jmlr.org/papers/v15/srivastava14a.html). What is kept is divided by 1 - p ("inverted"
dropout), so that the expectation stays the same and nothing changes outside training.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any, cast

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Backprop, Booleans, Floats, Layer


class Dropout(Layer):
    """X * mask / (1 - p) in training, X else. Any shape.

    Args:
        p: probability of zeroing a number, in [0, 1).
        rng: where masks are drawn from, a new one in each training pass; see
            ``initialization.generator``. Outside training nothing is drawn.

    Raises:
        ConfigError: p is not in [0, 1).
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        if not 0.0 <= p < 1.0:
            raise ConfigError(
                f"Dropout({p})", rule="p is the share that is dropped, from 0 to below 1"
            )
        self.p = p
        self.rng = generator(rng)

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = np.asarray(X)
        if not train or self.p == 0.0:
            return X, lambda dY: dY
        kept = cast("Booleans", self.rng.random(X.shape) >= self.p)
        scaled = (kept / (1.0 - self.p)).astype(np.result_type(X.dtype, np.float32), copy=False)

        def backprop(dY: Floats) -> Floats:
            return dY * scaled

        return X * scaled, backprop
